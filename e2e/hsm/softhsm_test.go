//go:build cgo

package hsm

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

const (
	tokenLabel = "tokens"
	pin        = "1234"
)

// newToken initializes a token of SoftHSM in a folder of the test, and returns
// the path of the library.
func newToken(t *testing.T) (library string) {
	t.Helper()
	util := need.Binary(t, "softhsm2-util")
	library = softHSM(t)
	dir := t.TempDir()
	config := filepath.Join(dir, "softhsm2.conf")
	check(t, os.WriteFile(config, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\n"), 0o600))
	t.Setenv("SOFTHSM2_CONF", config) // for the command and for the library
	out, err := exec.CommandContext(t.Context(), util, "--init-token", "--free", "--label", tokenLabel, "--so-pin", pin, "--pin", pin).CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util: %v\n%s", err, out)
	}
	return library
}

// softHSM returns the path of the library of SoftHSM. Debian and Fedora have it
// in different folders.
func softHSM(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib*/*/softhsm/libsofthsm2.so", "/usr/lib64/*/libsofthsm2.so", "/usr/lib64/libsofthsm2.so", "/opt/*/lib/softhsm/libsofthsm2.so"} {
		found, err := filepath.Glob(pattern)
		check(t, err)
		if len(found) > 0 {
			return found[0]
		}
	}
	need.Missing(t, "the library of SoftHSM, libsofthsm2.so")
	return ""
}

// open opens the token until the end of the test.
func open(t *testing.T, library string) *crypto11.Context {
	t.Helper()
	module, err := openModule(library, tokenLabel, pin)
	check(t, err)
	t.Cleanup(func() { check(t, module.Close()) })
	return module
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
