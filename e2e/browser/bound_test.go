package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/dpop"
	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

const atBound = `location.pathname === '/bound' && document.querySelector('#name')?.textContent === 'admin'`

// loginBound logs in with tokens that are bound to a key of the browser.
func (b *tab) loginBound(a *app) {
	b.t.Helper()
	b.open(a.url + "/login?mode=bound")
	b.fillIn("password")
	b.submit(atBound)
	b.wait(loaded)
}

// boundState returns the record of the session in localStorage.
func (b *tab) boundState() string {
	b.t.Helper()
	return value[string](b, `localStorage.getItem('webapp-bound')`)
}

// In TestBoundTokens a script copies the tokens of one browser to another one.
// They are of no use there, and the session goes on in the first one, also
// after a reload.
func TestBoundTokens(t *testing.T) {
	t.Parallel()
	a := startApp(t, "-access-ttl", "4s")
	b := newBrowser(t)
	b.loginBound(a)
	b.wait(`document.querySelector('#elsewhere').textContent.includes('refused (401)')`)
	stolen := b.boundState()

	const exported = `new Promise((done, fail) => {
		const opening = indexedDB.open('dpop webapp');
		opening.onsuccess = () => {
			const found = opening.result.transaction('keys').objectStore('keys').get('key');
			found.onsuccess = () => done(found.result.privateKey);
			found.onerror = () => fail(found.error);
		};
	}).then((key) => Promise.allSettled(['jwk', 'pkcs8'].map((format) => crypto.subtle.exportKey(format, key)))
		.then((results) => key.extractable + ' ' + results.map((r) => r.reason?.name)))`
	if got := value[string](b, exported); got != "false InvalidAccessError,InvalidAccessError" {
		t.Errorf("exporting the key: %s", got)
	}

	thief := newBrowser(t)
	thief.open(a.url + "/login")
	thief.try(fmt.Sprintf(`localStorage.setItem('webapp-bound', %q)`, stolen))
	thief.open(a.url + "/bound")
	thief.wait(atLogin + " && " + says("Your session has ended"))
	for _, scheme := range []string{"Bearer", "DPoP"} {
		call := fmt.Sprintf(`fetch('/api/me', { headers: { Authorization: '%s ' + JSON.parse(%q).accessToken } })`, scheme, stolen)
		thief.wantOutcome(call, "401")
	}

	b.ask()
	b.reload()
	b.wait(atBound)
	b.wait(`document.querySelector('#renewals').textContent > 0`)
	b.ask()
	if ends := a.events("reuse", "logout"); len(ends) != 0 {
		t.Errorf("the thief ends sessions: %q", ends)
	}
	b.click("#logout button")
	b.wait(atLogin + " && " + says("You are signed out"))
}

// In TestBoundTokensAfterRestart the browser is closed and opened again, and
// the server, which chooses a new key for its nonces, is restarted.
func TestBoundTokensAfterRestart(t *testing.T) {
	t.Parallel()
	program := need.Binary(t, "chromium")
	folder, err := newProfile()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	open := func() (*tab, func()) {
		t.Helper()
		ctx, closeBrowser, err := launch(program, folder)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(closeBrowser)
		return openTab(t, ctx, chromedp.WithTargetID(chromedp.FromContext(ctx).Target.TargetID)), closeBrowser
	}
	a := startApp(t)
	b, closeBrowser := open()
	b.loginBound(a)
	closeBrowser()
	a.stop()
	a.start()
	b, _ = open()
	b.open(a.url + "/bound")
	b.wait(atBound)
	b.ask()
	if logins := a.events("login"); len(logins) != 1 {
		t.Errorf("logins: %q", logins)
	}
}

// In TestProvenFetch the clock of the browser is wrong. A service without
// nonces then refuses the first proof, and accepts the next.
func TestProvenFetch(t *testing.T) {
	t.Parallel()
	secret, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := jwtauth.NewIssuer(secret, jwtauth.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler
	mux := pages()
	mux.HandleFunc("GET /dpop.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "../../examples/webapp/static/dpop.js")
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) })
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	url := urlOf(server, host)
	proofs, err := dpop.NewVerifier(dpop.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	protect := jwtauth.Verify(issuer, proofs.VerifyOptions()...)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/me" {
			protect.ServeHTTP(w, r)
			return
		}
		member, thumbprint, err := proofs.Confirmation(r)
		if err != nil {
			jwtauth.WriteError(w, r, err)
			return
		}
		tokens, err := issuer.Login(r.Context(), "ann", jwtauth.Confirmation(member, thumbprint))
		if err != nil {
			t.Error(err)
		}
		jwtauth.WriteTokens(w, tokens)
	})
	for _, alg := range []string{"ES256", "Ed25519"} {
		for _, hours := range []int{0, -5, 5} {
			b := newBrowser(t)
			b.prelude(fmt.Sprintf(`const now = Date.now; Date.now = () => now() + %d * 3600e3`, hours))
			b.open(url)
			got := value[string](b, fmt.Sprintf(`import('/dpop.js').then(async ({ provenFetch }) => {
				const proven = provenFetch('test', { alg: '%s' });
				const login = await proven('/token', { method: 'POST', body: 'x' });
				const { access_token: token, token_type: type } = await login.json();
				const results = [login.status, type];
				for (const query of ['', '?a=b']) {
					results.push((await proven('/me' + query, { headers: { Authorization: 'Bearer ' + token } })).status);
				}
				const other = provenFetch('other', { alg: '%[1]s' });
				results.push((await other('/me', { headers: { Authorization: 'Bearer ' + token } })).status);
				return results.join(' ');
			})`, alg))
			if got != "200 DPoP 204 204 401" {
				t.Errorf("%s, clock %+d h: %s", alg, hours, got)
			}
		}
	}
}
