package jose_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed-0a072700/jwtauth/internal/jose"
)

func needOpenSSL(t *testing.T) { need(t, "openssl") }

// need skips the test without a program, which `make deps` installs. With
// JWTAUTH_TEST_REQUIRE=1 or CI=true it fails the test.
func need(t *testing.T, program string) {
	t.Helper()
	_, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("JWTAUTH_TEST_REQUIRE") == "1" || os.Getenv("CI") == "true":
		t.Fatalf("needs %s: %v", program, err)
	default:
		t.Skipf("needs %s, which `make deps` installs: %v", program, err)
	}
}

// run returns the standard output of a program that runs in dir.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	need(t, name)
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader("password\n\n\n")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return string(out)
}

var (
	adviceLine = regexp.MustCompile(`\(((?:openssl|ssh-keygen) [^)]*)\)`)
	fileName   = regexp.MustCompile(`-(?:in|f) (\S+)`)
)

// Each command that an error suggests works on the file that caused the error,
// and its result can be read.
func TestAdvice(t *testing.T) {
	needOpenSSL(t)
	dir := t.TempDir()
	file := func(name string) string { return string(must(os.ReadFile(filepath.Join(dir, name)))) }
	openssl := func(command string) string { return run(t, dir, "openssl", strings.Fields(command)...) }
	openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec")
	ec, public, cert := file("ec"), openssl("pkey -in ec -pubout"), openssl("req -x509 -key ec -subj /CN=example.test -days 30")
	request := openssl("req -new -key ec -subj /CN=example.test")
	for _, name := range []string{"rsa", "ecdsa", "ed25519"} {
		run(t, dir, "ssh-keygen", "-q", "-t", name, "-N", "", "-C", "", "-f", "ssh-"+name)
	}
	const create = "(openssl genpkey -algorithm Ed25519 -out key.pem)"
	var ran []string
	for _, tt := range []struct{ name, text, want string }{
		{"encrypted", openssl("pkey -in ec -aes256 -passout pass:password"), "PEM key is encrypted; decrypt it first (openssl pkey -in key.pem -out decrypted.pem)"},
		{"encrypted, old form", openssl("ec -in ec -aes256 -passout pass:password"), "PEM key is encrypted; decrypt it first (openssl pkey -in key.pem -out decrypted.pem)"},
		{"certificate", cert, "PEM block is a certificate; extract its public key (openssl x509 -in cert.pem -pubkey -noout)"},
		{"request", request, "PEM block is a certificate request; extract its public key (openssl req -in request.pem -pubkey -noout)"},
		{"key and certificate", ec + cert, "PEM text has several blocks, a key and a certificate; extract the key (openssl pkey -in bundle.pem -out key.pem)"},
		{"certificate and public key", cert + public, "PEM text has several blocks, a key and a certificate; extract the key (openssl pkey -pubin -in bundle.pem -out key.pem)"},
		{"chain", cert + cert, "PEM text has several blocks, all certificates; extract the public key of the first (openssl x509 -in chain.pem -pubkey -noout)"},
		{"text before a key", "Bag Attributes\n    localKeyID: 01\nKey Attributes: <No Attributes>\n" + ec, "PEM block is preceded by other text; extract the key (openssl pkey -in bundle.pem -out key.pem)"},
		{"text after a public key", public + "-- \nAnn\n", "PEM block is followed by other text; extract the key (openssl pkey -pubin -in bundle.pem -out key.pem)"},
		{"text before a key and a certificate", "Bag Attributes\n" + ec + "subject=CN = example.test\n" + cert, "PEM block is followed by other text; extract the key (openssl pkey -in bundle.pem -out key.pem)"},
		{"text before a certificate", openssl("req -x509 -key ec -subj /CN=example.test -days 30 -text"), "PEM block is preceded by other text; extract the public key of the first certificate (openssl x509 -in chain.pem -pubkey -noout)"},
		{"OpenSSH RSA", file("ssh-rsa"), "PEM key is in OpenSSH's own format; convert a copy of it (ssh-keygen -p -m PKCS8 -f copy)"},
		{"OpenSSH ECDSA", file("ssh-ecdsa"), "PEM key is in OpenSSH's own format; convert a copy of it (ssh-keygen -p -m PKCS8 -f copy)"},
		{"OpenSSH Ed25519", file("ssh-ed25519"), "PEM key is an Ed25519 key in OpenSSH's own format, which ssh-keygen cannot convert; create a new key " + create},
		{"OpenSSH RSA, public", file("ssh-rsa.pub"), "key text is an OpenSSH public key; convert it (ssh-keygen -e -m PKCS8 -f key.pub)"},
		{"OpenSSH ECDSA, public", file("ssh-ecdsa.pub"), "key text is an OpenSSH public key; convert it (ssh-keygen -e -m PKCS8 -f key.pub)"},
		{"OpenSSH Ed25519, public", file("ssh-ed25519.pub"), "key text is an OpenSSH public key for Ed25519, which ssh-keygen cannot convert; create a new key " + create},
		{"DER", openssl("pkey -in ec -outform DER"), "key text is the DER of a key or certificate; convert it (openssl pkey -inform DER -in key.der -out key.pem)"},
		{"DER, public", openssl("pkey -in ec -pubout -outform DER"), "key text is the DER of a key or certificate; convert it (openssl pkey -pubin -inform DER -in key.der -out key.pem)"},
		{"DER, certificate", openssl("req -x509 -key ec -subj /CN=example.test -days 30 -outform DER"), "key text is the DER of a key or certificate; convert it (openssl x509 -inform DER -in cert.der -pubkey -noout)"},
		{"Ed448", openssl("genpkey -algorithm Ed448"), "PEM key is for Ed448, which is not supported; use Ed25519 " + create},
		{"X25519", openssl("genpkey -algorithm X25519"), "PEM key is for X25519, which cannot sign; use Ed25519 " + create},
		{"secp256k1", openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1"), "PEM key is on a curve that is not supported; use P-256 (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem)"},
		{"secp256k1, old form", openssl("ecparam -name secp256k1 -genkey -noout"), "PEM key is on a curve that is not supported; use P-256 (openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem)"},
		{"short RSA", openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024"), "RSA key is 1024 bits; RFC 7518, section 3.3, requires at least 2048 (openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem)"},
		{"PGP", strings.ReplaceAll(ec, " PRIVATE KEY", " PGP PRIVATE KEY BLOCK"), "PEM block is of PGP, whose keys cannot sign tokens; create a key " + create},
		{"DSA", pemOf("DSA PRIVATE KEY", randomBytes(20)), "PEM key is for DSA, which is not supported; use Ed25519 " + create},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := jose.Parse("", []byte(tt.text))
			if err == nil || err.Error() != tt.want {
				t.Fatalf("%v, %v\nwant %s", key, err, tt.want)
			}
			command := adviceLine.FindStringSubmatch(err.Error())
			if command == nil {
				t.Fatal("the error suggests no command")
			}
			work := t.TempDir()
			for _, name := range fileName.FindAllStringSubmatch(command[1], -1) {
				if err := os.WriteFile(filepath.Join(work, name[1]), []byte(tt.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ran = append(ran, command[1])
			args := strings.Fields(command[1])
			if strings.HasPrefix(tt.name, "encrypted") {
				args = append(args, "-passin", "pass:password")
			}
			if strings.Contains(command[1], "ssh-keygen -p") {
				args = append(args, "-N", "")
			}
			result := run(t, work, args[0], args[1:]...)
			for _, name := range []string{"decrypted.pem", "new.pem", "key.pem", "copy"} {
				if text, err := os.ReadFile(filepath.Join(work, name)); err == nil && string(text) != tt.text {
					result = string(text)
				}
			}
			if _, err := jose.Parse("", []byte(result)); err != nil {
				t.Errorf("%s: the result is not readable: %v", command[1], err)
			}
		})
	}
	_, unset := jose.FromText("")
	errs := map[error]jose.Algorithm{unset: jose.HS256}
	for _, alg := range []jose.Algorithm{jose.HS256, jose.HS384, jose.HS512} {
		_, short := jose.New(alg, []byte("0123456789"))
		_, guessable := jose.New(alg, bytes.Repeat([]byte("a"), 64))
		errs[short], errs[guessable] = alg, alg
	}
	for err, alg := range errs {
		command := strings.Fields(adviceLine.FindStringSubmatch(err.Error())[1])
		ran = append(ran, strings.Join(command, " "))
		secret := strings.TrimSpace(run(t, dir, command[0], command[1:]...))
		if _, err := jose.New(alg, []byte(secret)); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
	checkAdvice(t, ran)
}

// checkAdvice checks that ran contains every command in the errors of the
// package.
func checkAdvice(t *testing.T, ran []string) {
	t.Helper()
	literal := regexp.MustCompile(`"[^"]*((?:openssl|ssh-keygen) -?[a-z0-9]+ -[^)"%]*)`)
	found := 0
	for _, name := range must(filepath.Glob("*.go")) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		for _, match := range literal.FindAllStringSubmatch(string(must(os.ReadFile(name))), -1) {
			found++
			if !slices.ContainsFunc(ran, func(command string) bool { return strings.HasPrefix(command, match[1]) }) {
				t.Errorf("%s: no test runs the command %s", name, match[1])
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d commands found in the errors", found)
	}
}
