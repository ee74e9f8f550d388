package uploads_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/uploads"
)

// newUpload returns a request with a file that is parsed to disk.
func newUpload(t *testing.T) *http.Request {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "f")
	if err == nil {
		_, err = file.Write(bytes.Repeat([]byte("x"), 64<<10))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	return r
}

func parse(t *testing.T, r *http.Request) {
	t.Helper()
	if err := r.ParseMultipartForm(1); err != nil {
		t.Error(err)
	}
}

func TestServe(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	files := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	for _, c := range []struct {
		name                   string
		before, inside, panics bool // whether the form is parsed before Serve, and in next
		wantFiles              int  // that net/http has to remove
		wantForm               bool // whether it finds them
	}{
		{"nothing parsed", false, false, false, 0, false},
		{"parsed by next", false, true, false, 1, true},
		{"parsed by next, which panics", false, true, true, 0, true},
		{"parsed before", true, false, false, 1, true},
		{"parsed before, next panics", true, true, true, 1, true}, // its owner has to remove it
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newUpload(t)
			if c.before {
				parse(t, r)
			}
			own, copied := r.MultipartForm, r.WithContext(t.Context())
			next := http.HandlerFunc(func(_ http.ResponseWriter, got *http.Request) {
				if got != copied {
					t.Error("next gets another request")
				}
				if c.inside {
					parse(t, got)
				}
				if c.panics {
					panic("broken handler")
				}
			})
			func() {
				defer func() {
					if got := recover() != nil; got != c.panics {
						t.Errorf("panics: %v", got)
					}
				}()
				uploads.Serve(next, httptest.NewRecorder(), r, copied)
			}()
			if got := files(); got != c.wantFiles {
				t.Errorf("%d files, want %d", got, c.wantFiles)
			}
			if (r.MultipartForm != nil) != c.wantForm || own != nil && r.MultipartForm != own {
				t.Errorf("MultipartForm is %v", r.MultipartForm)
			}
			if r.MultipartForm != nil {
				_ = r.MultipartForm.RemoveAll()
			}
			if got := files(); got != 0 {
				t.Errorf("%d files are left", got)
			}
		})
	}
}
