package browser

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestSessionScript runs testdata/session_cases.js, each case against the real session.js and the browser's own locks and storage.
func TestSessionScript(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	for path, file := range map[string]string{"/session.js": "../../examples/webapp/static/session.js", "/cases.js": "testdata/session_cases.js"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	}
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>cases</title><body>")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())

	b := newBrowser(t)
	b.open("http://" + host + ":" + port + "/")
	names := value[[]string](b, `import('/cases.js').then(({ cases }) => { window.cases = cases; return Object.keys(cases); })`)
	if len(names) < 20 {
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
