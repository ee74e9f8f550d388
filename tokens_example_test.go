package jwtauth_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"

	"github.com/seed-0a072700/jwtauth"
)

func ExampleWriteTokens() {
	w := httptest.NewRecorder()
	jwtauth.WriteTokens(w, jwtauth.Tokens{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer", ExpiresIn: 900})
	fmt.Println(w.Header().Get("Cache-Control"))
	fmt.Print(w.Body)
	// Output:
	// no-store
	// {"access_token":"mF_9.B5f-4.1JqM","token_type":"Bearer","expires_in":900}
}

func ExampleTokens_String() {
	tokens := jwtauth.Tokens{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer", ExpiresIn: 900}
	fmt.Printf("%s\n%+v\n", tokens.String(), tokens)
	// Output:
	// Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}
	// Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}
}

func ExampleTokens_LogValue() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	logger.Info("login", "tokens", jwtauth.Tokens{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer", ExpiresIn: 900})
	// Output: level=INFO msg=login tokens="Tokens{TokenType:\"Bearer\" ExpiresIn:900 redacted}"
}

// No verb of fmt prints a token.
func ExampleTokens_Format() {
	tokens := jwtauth.Tokens{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer", ExpiresIn: 900}
	fmt.Printf("%#v\n%q\n", tokens, &tokens)
	// Output:
	// Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}
	// Tokens{TokenType:"Bearer" ExpiresIn:900 redacted}
}
