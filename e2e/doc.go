// Package e2e holds, in its folders, the tests of jwtauth against real parts:
// other programs, other languages, other implementations of the same standards.
//
// What a test needs of the machine, `make deps` installs (internal/need).
package e2e
