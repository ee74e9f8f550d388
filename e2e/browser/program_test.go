package browser

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
	"github.com/seed-0a072700/jwtauth/e2e/internal/node"
)

// startExample builds an example that is a module of its own, and runs it until
// the test ends. It returns the URL of the example and its log.
func startExample(t *testing.T, name string, args ...string) (url string, log *logBuffer) {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".")
	build.Dir = filepath.Join("..", "..", "examples", name)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(program, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "TOKEN_SECRET=", "OPENID_CLIENT_SECRET=app-secret")
	log = &logBuffer{}
	run(t, cmd, log, func() { _ = cmd.Process.Signal(os.Interrupt) })
	return waitForLog(t, log, `msg=listening url=(\S+)`)[1], log
}

// startProvider runs an OpenID provider until the test ends, and returns its
// issuer URL.
func startProvider(t *testing.T, redirectURI string) string {
	t.Helper()
	node.Require(t)
	cmd := exec.Command("node", "provider.mjs", redirectURI, "0")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	log := &logBuffer{}
	cmd.Stdout = log
	run(t, cmd, log, func() { stdin.Close() })
	return waitForLog(t, log, `issuer (\S+),`)[1]
}

// run starts a program whose errors go to log. When the test ends, it calls
// stop and waits for the program.
func run(t *testing.T, cmd *exec.Cmd, log *logBuffer, stop func()) {
	t.Helper()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(cmd.Path)
	t.Cleanup(func() {
		kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s ends with %v", name, err)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, log)
		}
	})
}

// waitForLog waits until a log has a match of an expression. It returns the
// last one, with its groups.
func waitForLog(t *testing.T, log *logBuffer, expression string) []string {
	t.Helper()
	re := regexp.MustCompile(expression)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if found := re.FindAllStringSubmatch(log.String(), -1); found != nil {
			return found[len(found)-1]
		}
	}
	t.Fatalf("the log never has %s:\n%s", expression, log)
	return nil
}

// freePort returns an unused port of the loopback interface. Systems give out
// no ports below 32768 of their own accord, so the port stays free while a
// server is down.
func freePort(t *testing.T) string {
	t.Helper()
	var err error
	for range 100 {
		port := strconv.Itoa(20_000 + rand.N(12_000))
		var listener net.Listener
		if listener, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			listener.Close()
			return port
		}
	}
	t.Fatal(err)
	return ""
}

// wantCookiesOf waits until the browser has these cookies of a host: name and
// attributes of each. An access cookie may be gone until the page renews it.
func (b *tab) wantCookiesOf(host string, want ...string) {
	b.t.Helper()
	var got []string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(25 * time.Millisecond) {
		got = nil
		for _, c := range b.cookies() {
			if c.Domain == host {
				got = append(got, c.Name+" "+c.Path+attributesOf(c))
			}
		}
		slices.Sort(got)
		if slices.Equal(got, want) {
			return
		}
	}
	b.t.Errorf("the browser keeps %q of %s, want %q", got, host, want)
}

// attributesOf returns the attributes of a cookie, each after a space.
func attributesOf(c network.Cookie) string {
	text := " SameSite=" + string(c.SameSite)
	if c.Secure {
		text += " Secure"
	}
	if c.HTTPOnly {
		text += " HttpOnly"
	}
	return text
}

// look takes pictures of the page, light and dark, wide and narrow, and has
// axe-core check it.
func (b *tab) look(name string) {
	b.t.Helper()
	axe, err := os.ReadFile("../node_modules/axe-core/axe.min.js")
	if err != nil {
		need.NodeModules(b.t)
		b.t.Fatal(err)
	}
	if _, err := b.try(string(axe) + "; 0"); err != nil {
		b.t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		b.wait(`matchMedia('(prefers-color-scheme: ` + scheme + `)').matches`)
		b.screenshot(name + "-" + scheme)
		check(b, name+" "+scheme)
	}
	b.fits(name)
	screen := func(width, height int64) {
		call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
		b.wait(fmt.Sprintf(`innerWidth === %d`, width))
	}
	screen(360, 740)
	b.screenshot(name + "-phone")
	b.fits(name + " on a phone")
	screen(1100, 900)
}
