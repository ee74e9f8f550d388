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

// TestLook takes pictures of every page, light and dark, wide and narrow, and has axe-core check each.
func TestLook(t *testing.T) {
	t.Parallel()
	need.NodeModules(t)
	axe, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	a := startApp(t)
	b := newBrowser(t)
	look := func(name string, width int64) {
		t.Helper()
		if _, err := b.try(string(axe) + "; 0"); err != nil {
			t.Fatal(err)
		}
		for _, scheme := range []string{"light", "dark"} {
			call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			b.wait(fmt.Sprintf(`matchMedia('(prefers-color-scheme: %s)').matches`, scheme))
			b.screenshot(name + "-" + scheme)
			check(b, name+" "+scheme)
		}
		if over := value[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
			t.Errorf("%s: wider than the screen by %d pixels", name, over)
		}
	}
	for _, screen := range []struct {
		name          string
		width, height int64
	}{{"wide", 1100, 800}, {"phone", 360, 740}, {"watch", 280, 400}} {
		call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: screen.width, Height: screen.height, DeviceScaleFactor: 1, Mobile: screen.width < 500,
		})
		b.open(a.url + "/login")
		b.fillIn("wrong")
		b.press("Enter")
		b.wait(says("do not match"))
		look("login-"+screen.name, screen.width)

		b.login(a)
		b.wait(`document.querySelectorAll('#readable tr').length === 5`)
		look("dashboard-"+screen.name, screen.width)

		b.click("#switch")
		b.wait(atLogin + ` && document.querySelector('[name=mode]:checked').value === 'storage'`)
		b.fillIn("password")
		b.press("Enter")
		b.wait(`location.pathname === '/storage' && document.querySelector('#name').textContent === 'admin'`)
		b.wait(`document.querySelector('.exposed')`)
		look("storage-"+screen.name, screen.width)
		b.ask()
		b.click("#switch")
		b.wait(atLogin + ` && document.querySelector('[name=mode]:checked').value === 'cookies'`)
	}
	if text := value[string](b, `JSON.stringify(localStorage)`); strings.Contains(text, "eyJ") {
		t.Errorf("tokens stay in localStorage: %s", text)
	}
	b.open(a.url + "/nothing/here")
}

// check has axe-core look for what keeps people from using the page.
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

// TestKeyboard logs in, signs out elsewhere and here without a mouse.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	a := startApp(t)
	b := newBrowser(t)
	newBrowser(t).login(a)
	b.open(a.url + "/login")
	b.wait(`!document.querySelector('#mode').hidden && document.activeElement.id === 'username'`)
	b.write("admin")
	b.tabTo(`document.activeElement.id === 'password'`)
	b.write("password")
	b.tabTo(`document.activeElement.matches('[name=mode]')`)
	b.tabTo(`document.activeElement.type === 'submit'`)
	b.press(" ")
	b.wait(atDashboard + ` && document.querySelectorAll('#devices li').length === 2`)
	b.tabTo(`document.activeElement.closest('#logout')`)
	b.tabTo(`document.activeElement.id === 'silent'`)
	b.press(" ")
	b.wait(`!document.querySelector('#silent').checked`)
	b.tabTo(`document.activeElement.id === 'ask'`)
	b.press("Enter")
	b.wait(`document.querySelector('#answer').textContent.endsWith('you are admin.')`)
	b.tabTo(`document.activeElement.closest('#devices li:not(:has(.tag))')`)
	b.press("Enter")
	b.wait(says("is signed out"))
	b.wait(`document.querySelectorAll('#devices li').length === 1`)
	b.tabTo(`document.activeElement.closest('#everywhere')`)
	b.press("Enter")
	b.wait(atLogin + " && " + says("You are signed out"))
}

// tabTo presses Tab until the focus is where a condition says, and finds it visible there.
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
