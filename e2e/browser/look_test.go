package browser

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

// TestLook takes pictures of every page, light and dark, wide and narrow, and
// checks each with axe-core.
func TestLook(t *testing.T) {
	t.Parallel()
	need.NodeModules(t)
	axe, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	a := startApp(t)
	b := newBrowser(t)
	media := func(name, value string) {
		t.Helper()
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: name, Value: value}}})
		b.wait(fmt.Sprintf(`matchMedia('(%s: %s)').matches`, name, value))
	}
	look := func(name string) {
		t.Helper()
		if _, err := b.try(string(axe) + "; 0"); err != nil {
			t.Fatal(err)
		}
		for _, scheme := range []string{"light", "dark"} {
			media("prefers-color-scheme", scheme)
			b.screenshot(name + "-" + scheme)
			check(b, name+" "+scheme)
		}
		b.fits(name)
	}
	screen := func(width, height int64) {
		call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 500,
		})
	}
	for range 2 {
		newBrowser(t).login(a)
	}
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"wide", 1100, 800}, {"phone", 360, 740}, {"watch", 280, 400}} {
		screen(size.width, size.height)
		b.open(a.url + "/login")
		b.fillIn("wrong")
		b.press("Enter")
		b.wait(says("do not match"))
		look("login-" + size.name)

		b.login(a)
		b.wait(`document.querySelectorAll('#readable tr').length === 5 && document.querySelectorAll('#devices li').length === 3`)
		look("dashboard-" + size.name)

		b.click("#switch")
		b.wait(atLogin + ` && document.querySelector('[name=mode]:checked').value === 'storage'`)
		b.fillIn("password")
		b.submit(`location.pathname === '/storage' && document.querySelector('#name').textContent === 'admin'`)
		b.wait(`document.querySelector('.exposed')`)
		look("storage-" + size.name)
		b.ask()
		b.click("#switch")
		b.wait(atLogin + ` && document.querySelector('[name=mode]:checked').value === 'bound'`)
		b.fillIn("password")
		b.submit(`location.pathname === '/bound' && document.querySelector('#name').textContent === 'admin'`)
		b.wait(`document.querySelector('#elsewhere').textContent.includes('refused (401)')`)
		look("bound-" + size.name)
		b.click("#switch")
		b.wait(atLogin + ` && document.querySelector('[name=mode]:checked').value === 'cookies'`)
	}
	if text := value[string](b, `JSON.stringify(localStorage)`); strings.Contains(text, "eyJ") {
		t.Errorf("tokens stay in localStorage: %s", text)
	}

	screen(360, 740)
	b.login(a)
	b.try(`document.documentElement.style.fontSize = '200%'; 0`)
	b.screenshot("dashboard-phone-text-200")
	b.fits("text of 200 %")
	media("forced-colors", "active")
	b.screenshot("dashboard-phone-forced-colours")
	if value[bool](b, `getComputedStyle(document.querySelector('#life')).borderStyle === 'none'`) {
		t.Error("in forced colours, nothing is seen of the bar")
	}

	script := func(on bool) {
		call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	}
	for name, path := range map[string]string{"dashboard": "/", "login": "/login?signed-out", "storage": "/storage"} {
		script(false)
		b.open(a.url + path)
		if !value[bool](b, `document.querySelector('#mode, .script').hidden`) && name != "dashboard" {
			t.Errorf("%s: script runs", path)
		}
		b.screenshot(name + "-without-script")
		script(true) // axe-core is a script, and the text of a page without script must stay visible
		b.try(`for (const e of document.querySelectorAll('noscript')) e.replaceWith(...e.childNodes)`)
		look(name + "-without-script")
	}

	b.open(origin(t, "evil.localhost"))
	b.try(`window.leaving = true; document.body.insertAdjacentHTML('beforeend', '<form method=post action="` + a.url + `/logout"></form>'); document.forms[0].submit()`)
	b.wait(`!window.leaving && document.body.dataset.page === 'message'`)
	look("message")

	b.open(a.url + "/")
	b.wait(loaded)
	b.watchConnection()
	a.stop()
	b.click("#ask")
	b.wait(connection("That was not done"))
	look("server-down")
}

// fits fails if an element is wider than its container.
func (b *tab) fits(where string) {
	b.t.Helper()
	wide := value[[]string](b, `[...document.querySelectorAll('html, header, .card, .scroll')]
		.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.tagName + '.' + e.className + ' by ' + (e.scrollWidth - e.clientWidth))`)
	if len(wide) > 0 {
		b.t.Errorf("%s: too wide: %q pixels", where, wide)
	}
}

// check runs axe-core to find accessibility problems.
func check(b *tab, where string) {
	b.t.Helper()
	var violations []struct {
		ID, Impact, Help string
		Nodes            []struct{ Target []any }
	}
	text := value[string](b, `axe.run({ resultTypes: ['violations'] }).then(({ violations }) => JSON.stringify(violations))`)
	if err := json.Unmarshal([]byte(text), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		tell := b.t.Logf
		if slices.Contains([]string{"serious", "critical", "moderate"}, v.Impact) {
			tell = b.t.Errorf
		}
		tell("%s: %s (%s): %s: %v", where, v.ID, v.Impact, v.Help, v.Nodes)
	}
}

// TestKeyboard logs in and signs out on this and on another device without a
// mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	b := newBrowser(t)
	newBrowser(t).login(a)
	b.open(a.url + "/login")
	b.wait(`!document.querySelector('#mode').hidden && document.activeElement.id === 'username'`)
	focus := func(what, want string) {
		t.Helper()
		if got := value[string](b, `String(document.activeElement.`+what+`)`); got != want {
			t.Errorf("the focus is at %q, want %q", got, want)
		}
	}
	b.write("admin")
	b.tabTo(`document.activeElement.id === 'password'`)
	b.write("wrong")
	b.tabTo(`document.activeElement.type === 'submit'`)
	b.press("Enter")
	b.wait(says("do not match"))
	focus(`id`, "password")
	b.write("password") // replaces the old text
	b.tabTo(`document.activeElement.matches('[name=mode]')`)
	b.tabTo(`document.activeElement.type === 'submit'`)
	b.press(" ")
	b.wait(atDashboard + " && " + loaded + ` && document.querySelectorAll('#devices li').length === 2`)
	b.tabTo(`document.activeElement.closest('#logout')`)
	b.tabTo(`document.activeElement.id === 'silent'`)
	b.press(" ")
	b.wait(`!document.querySelector('#silent').checked`)
	b.tabTo(`document.activeElement.id === 'ask'`)
	b.press("Enter")
	b.wait(`document.querySelector('#answer').textContent.endsWith('you are admin.')`)
	b.wait(`!document.querySelector('[aria-disabled=true]')`)
	focus(`id`, "ask")
	b.tabTo(`document.activeElement.closest('#devices li:not(:has(.tag))')`)
	b.press("Enter")
	b.wait(says("is signed out"))
	b.wait(`document.querySelectorAll('#devices li').length === 1`)
	focus(`id`, "devices-title")
	b.tabTo(`document.activeElement.closest('#devices li:has(.tag)')`)
	b.try(`document.querySelector('#ask').click(); document.querySelector('#answer').textContent = ''`) // the list is rebuilt
	b.wait(`document.querySelector('#answer').textContent.endsWith('you are admin.')`)
	focus(`closest('#devices li:has(.tag)')?.tagName`, "LI")
	b.tabTo(`document.activeElement.closest('#everywhere')`)
	b.press("Enter")
	b.wait(atLogin + " && " + says("You are signed out"))
}

// tabTo presses Tab until a condition on the focus holds, and checks that the
// focus is visible.
func (b *tab) tabTo(condition string) {
	b.t.Helper()
	for range 30 {
		b.press("Tab")
		if value[bool](b, "Boolean("+condition+")") {
			if !value[bool](b, `getComputedStyle(document.activeElement).outlineStyle !== 'none'`) {
				b.t.Errorf("%s: the focus is not visible", condition)
			}
			return
		}
	}
	b.t.Fatalf("Tab never leads where %s", condition)
}
