package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestSessionScript runs testdata/session_cases.js. Each case uses the real
// session.js and the locks and storage of the browser.
func TestSessionScript(t *testing.T) {
	t.Parallel()
	mux := pages()
	mux.Handle("GET /testdata/", http.FileServer(http.Dir(".")))
	mux.HandleFunc("GET /hang", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("GET /cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	b := newBrowser(t)
	b.open(urlOf(server, host) + "/")
	names := value[[]string](b, `import('/testdata/session_cases.js').then(({ cases }) => { window.cases = cases; return Object.keys(cases); })`)
	if len(names) < 50 {
		t.Errorf("%d cases", len(names))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			fault, err := b.try(fmt.Sprintf(`Promise.race([window.cases[%q](), new Promise((_, fail) => setTimeout(fail, %d, new Error('takes too long')))]).then((fault) => fault || '')`, name, patience.Milliseconds()))
			if err != nil || string(fault) != `""` {
				t.Errorf("%s %v", fault, err)
			}
		})
	}
}
