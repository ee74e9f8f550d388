package sqlstore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/sqlstore"
)

// Names that some database would change, truncate or read as SQL are refused.
func TestTableNames(t *testing.T) {
	for table, valid := range map[string]bool{
		"": true, "a": true, "order": true, "shop_sessions_2": true, strings.Repeat("x", 48): true,
		strings.Repeat("x", 49): false, "Sessions": false, "_sessions": false, "2sessions": false, "shop.sessions": false,
		"shop-sessions": false, "a b": false, `a"b`: false, "a`b": false, "a'b": false, "a;": false, "a\n": false, "é": false,
	} {
		opts := sqlstore.Options{Table: table}
		for name, d := range dialects {
			_, err := sqlstore.New((&fake{}).open(t), d, opts)
			if (err == nil) != valid || err != nil && !strings.Contains(err.Error(), "Options.Table: ") {
				t.Errorf("%s, table %q: %v; want it accepted: %v", name, table, err, valid)
			}
			if text := sqlstore.Schema(d, opts); (text != "") != valid {
				t.Errorf("%s, table %q: Schema returned %q", name, table, text)
			}
		}
	}
}

// Every statement names the table of the options.
func TestTable(t *testing.T) {
	for name, d := range dialects {
		f := &fake{}
		store, err := sqlstore.New(f.open(t), d, sqlstore.Options{Table: "order"})
		if err != nil {
			t.Fatal(err)
		}
		_ = store.Migrate(t.Context())
		_ = store.Create(t.Context(), ada)
		_, _ = store.Load(t.Context(), ada.ID, when)
		_, _ = store.Swap(t.Context(), ada, ada, when)
		_ = store.Delete(t.Context(), ada.ID)
		_ = store.DeleteSubject(t.Context(), ada.Subject)
		_, _ = store.List(t.Context(), ada.Subject, when)
		_, _ = store.Cleanup(t.Context(), when, 1)
		f.texts = append(f.texts, sqlstore.Schema(d, sqlstore.Options{Table: "order"}))
		quoted := `"order"`
		if d == sqlstore.MySQL {
			quoted = "`order`"
		}
		for _, text := range f.texts {
			if !strings.Contains(text, quoted) || strings.Contains(text, "jwtauth_sessions") || strings.Contains(text, "{") {
				t.Errorf("%s: the statement does not use %s: %s", name, quoted, text)
			}
		}
	}
}

func TestCreateRequiresTag(t *testing.T) {
	for _, id := range []string{"1", jwtauth.SubjectTag("ada"), jwtauth.SubjectTag("bob") + "-1", "x" + ada.ID} {
		f := &fake{affected: 1}
		s := ada
		s.ID = id
		if err := open(t, f, sqlstore.SQLite).Create(t.Context(), s); err == nil || errors.Is(err, jwtauth.ErrUnavailable) || len(f.texts) > 0 {
			t.Errorf("ID %q: %v, executed %q; want a permanent error", id, err, f.texts)
		}
	}
}
