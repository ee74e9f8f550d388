//go:build race

package jwtauth_test

// The race detector has pools forget at random, and so more is allocated.
func init() { raceDetector = true }
