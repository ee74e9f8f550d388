//go:build !cgo

package hsm

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/e2e/internal/need"
)

func TestTokens(t *testing.T) { need.Missing(t, "cgo and a C compiler") }
