// Package browser tests cookie mode and examples/webapp in a real Chromium.
package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// patience is the time limit of every wait. Passing tests never wait that long.
const patience = time.Minute

var chromium struct {
	once  sync.Once
	ctx   context.Context
	close func()
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.close != nil {
		chromium.close()
	}
	if webapp.folder != "" {
		os.RemoveAll(webapp.folder)
	}
	os.Exit(code)
}

// launch starts a browser that keeps its data in a folder. closeBrowser closes
// it like its user does.
func launch(program, folder string) (ctx context.Context, closeBrowser func(), err error) {
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(folder), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en-US"),
		// Names under .test are this machine as well. But to a browser they
		// are remote, so that plain HTTP does not allow Secure cookies and
		// Web Locks there. The certificates are those of httptest.
		chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"), chromedp.Flag("ignore-certificate-errors", true),
		chromedp.WSURLReadTimeout(patience), chromedp.Env("TZ=UTC"))...)
	ctx, _ = chromedp.NewContext(allocator)
	closeBrowser = sync.OnceFunc(func() {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_ = chromedp.Cancel(limited)
		stop()
	})
	_, err = chromedp.Call(ctx, page.Enable, page.EnableParams{})
	return ctx, closeBrowser, err
}

// newProfile returns the folder of a new browser. Third-party cookies are
// allowed, so that only SameSite protects.
func newProfile() (folder string, err error) {
	if folder, err = os.MkdirTemp("", "jwtauth-chromium-"); err != nil {
		return "", err
	}
	if err = os.Mkdir(filepath.Join(folder, "Default"), 0o700); err != nil {
		return folder, err
	}
	return folder, os.WriteFile(filepath.Join(folder, "Default", "Preferences"), []byte(`{"profile":{"cookie_controls_mode":0}}`), 0o600)
}

// newBrowser returns a browser for one test. Like a private window, it shares
// nothing with others.
func newBrowser(t *testing.T) *tab {
	t.Helper()
	program := need.Binary(t, "chromium")
	chromium.once.Do(func() {
		folder, err := newProfile()
		if err != nil {
			chromium.err = err
			return
		}
		var closeBrowser func()
		chromium.ctx, closeBrowser, chromium.err = launch(program, folder)
		chromium.close = func() {
			closeBrowser()
			os.RemoveAll(folder)
		}
	})
	if chromium.err != nil {
		t.Fatal(chromium.err)
	}
	return openTab(t, chromium.ctx, chromedp.WithNewBrowserContext())
}

// tab is one tab of a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func openTab(t *testing.T, parent context.Context, opts ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(parent, opts...)
	t.Cleanup(closeTab)
	b := &tab{t, ctx}
	call(b, page.Enable, page.EnableParams{})
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 1100, Height: 900, DeviceScaleFactor: 1})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	return b
}

// another opens another tab of the same browser.
func (b *tab) another() *tab {
	b.t.Helper()
	return openTab(b.t, b.ctx)
}

func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// open opens a URL and waits until the page has loaded.
func (b *tab) open(url string) {
	b.t.Helper()
	b.try(`window.leaving = true`)
	if text := call(b, page.Navigate, page.NavigateParams{URL: url}).ErrorText; text != "" {
		b.t.Fatalf("%s: %s", url, text)
	}
	b.wait(`document.readyState === 'complete' && !window.leaving`)
}

func (b *tab) reload() {
	b.t.Helper()
	b.try(`window.leaving = true`)
	call(b, page.Reload, page.ReloadParams{})
	b.wait(`document.readyState === 'complete' && !window.leaving`)
}

// try evaluates an expression and awaits a promise. It returns the value as
// JSON.
func (b *tab) try(expression string) ([]byte, error) {
	answer, err := chromedp.Call(b.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: expression, AwaitPromise: new(true), ReturnByValue: new(true), UserGesture: new(true)})
	switch {
	case err != nil:
		return nil, err
	case answer.ExceptionDetails != nil:
		text := answer.ExceptionDetails.Text
		if e := answer.ExceptionDetails.Exception; e != nil {
			text += " " + e.Description
		}
		return nil, errors.New(text)
	}
	return answer.Result.Value, nil
}

// value returns the value of an expression that must not fail.
func value[T any](b *tab, expression string) (v T) {
	b.t.Helper()
	text, err := b.try(expression)
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// wait waits until a condition holds, also across navigations.
func (b *tab) wait(condition string) {
	b.t.Helper()
	b.waitFor("Boolean(" + condition + ")")
}

// waitAsync waits until the promise of an expression resolves to true.
func (b *tab) waitAsync(expression string) {
	b.t.Helper()
	b.waitFor("(" + expression + ").then(Boolean)")
}

func (b *tab) waitFor(expression string) {
	b.t.Helper()
	var text []byte
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		if text, err = b.try(expression); err == nil && string(text) == "true" {
			return
		}
	}
	where, _ := b.try(`location.href + '\n' + document.body?.innerText`)
	b.t.Fatalf("never comes true: %s (%s, %v), at %s", expression, text, err, where)
}

// click presses the left mouse button on an element like a person: an element
// on top of it gets the click. If the page moves or replaces the element at
// that moment, it clicks again.
func (b *tab) click(selector string) {
	b.t.Helper()
	for range 10 {
		b.clickOnce(selector)
		// Without script, and after a navigation, there is no listener.
		if missed, err := b.try(`window.clicked === false`); err != nil || string(missed) != "true" {
			return
		}
	}
	b.t.Fatalf("%s never gets the click", selector)
}

func (b *tab) clickOnce(selector string) {
	b.t.Helper()
	b.wait(fmt.Sprintf(`document.querySelector(%q)?.getClientRects().length && !document.querySelector(%[1]q).matches(':disabled, [aria-disabled=true]')`, selector))
	at := value[[2]float64](b, fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		element.scrollIntoView({ block: 'center', behavior: 'instant' });
		delete window.clicked;
		window.addEventListener('listens', () => { window.clicked = false; }, { once: true });
		window.dispatchEvent(new Event('listens'));
		window.addEventListener('click', ({ target }) => { window.clicked ||= Boolean(target.closest(%[1]q)); }, { capture: true, once: true });
		const box = element.getBoundingClientRect();
		return [box.x + Math.min(box.width / 2, 20), box.y + box.height / 2];
	})()`, selector))
	for _, what := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		call(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: what, X: at[0], Y: at[1], Button: input.MouseButtonLeft, ClickCount: 1})
	}
}

// write types a text at the focus.
func (b *tab) write(text string) {
	b.t.Helper()
	call(b, input.InsertText, input.InsertTextParams{Text: text})
}

// press presses a key: "Tab", "Enter" or " ".
func (b *tab) press(key string) {
	b.t.Helper()
	codes := map[string]int64{"Tab": 9, "Enter": 13, " ": 32}
	text := map[string]string{"Enter": "\r", " ": " "}[key]
	for _, what := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeKeyDown, input.DispatchKeyEventTypeKeyUp} {
		params := input.DispatchKeyEventParams{Type: what, Key: key, WindowsVirtualKeyCode: codes[key]}
		if what == input.DispatchKeyEventTypeKeyDown {
			params.Text = text
		}
		call(b, input.DispatchKeyEvent, params)
	}
}

// cookies returns the cookies of the browser, without those of package guard:
// they belong to no session, and stay after a logout.
func (b *tab) cookies() map[string]network.Cookie {
	b.t.Helper()
	params := storage.GetCookiesParams{BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID}
	result, err := chromedp.CallBrowser(b.ctx, storage.GetCookies, params)
	if err != nil {
		b.t.Fatal(err)
	}
	list := map[string]network.Cookie{}
	for _, c := range result.Cookies {
		if !strings.HasSuffix(c.Name, "-device") {
			list[c.Name+" "+c.Domain+" "+c.Path] = *c
		}
	}
	return list
}

// screenshot saves a picture of the whole page to the folder of artifacts.
func (b *tab) screenshot(name string) {
	b.t.Helper()
	folder := os.Getenv("JWTAUTH_TEST_ARTIFACTS")
	if folder == "" {
		folder = filepath.Join(os.TempDir(), "jwtauth-artifacts")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		b.t.Fatal(err)
	}
	picture := call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: new(true), Format: page.CaptureScreenshotFormatPng})
	path := filepath.Join(folder, name+".png")
	if err := os.WriteFile(path, picture.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.t.Log("screenshot:", path, strconv.Itoa(len(picture.Data)), "bytes")
}

// prelude runs a script before those of every page that this tab opens.
func (b *tab) prelude(source string) {
	b.t.Helper()
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
}
