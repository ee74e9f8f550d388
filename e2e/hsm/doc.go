// Package hsm signs tokens with keys that never leave a PKCS#11 token. The
// tests use SoftHSM. docs/keys.md shows the code of hsm.go.
package hsm
