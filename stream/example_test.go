package stream_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/memstore"
	"github.com/seed-0a072700/jwtauth/stream"
)

// exampleIssuer returns an issuer and the store of its sessions.
func exampleIssuer() (*jwtauth.Issuer, jwtauth.SessionStore) {
	key, err := jwtauth.GenerateKey(jwtauth.HS256)
	if err != nil {
		log.Fatal(err)
	}
	store := memstore.New()
	issuer, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{Sessions: store, AccessTTL: 5 * time.Minute, Leeway: -1})
	if err != nil {
		log.Fatal(err)
	}
	return issuer, store
}

// A handler for a WebSocket, with the token among the subprotocols. A WebSocket
// library selects one of those that the handler sees.
func Example() {
	issuer, store := exampleIssuer()
	until := stream.UntilLogout(store, 30*time.Second)
	socket := func(w http.ResponseWriter, r *http.Request) {
		claims, _ := jwtauth.FromContext(r.Context())
		fmt.Println(claims.Subject, "offers", r.Header.Get("Sec-WebSocket-Protocol"))

		ctx, cancel := until(r.Context(), claims)
		defer cancel()
		_ = ctx // serve until ctx ends, then close with CloseStatus(context.Cause(ctx))
	}
	tokens := stream.TokenAfter("bearer")
	protect := jwtauth.Verify(issuer, jwtauth.From(tokens.Source()))
	handler := tokens.Extract(protect(http.HandlerFunc(socket)))

	login, err := issuer.Login(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/socket", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Protocol", "chat, bearer, "+login.AccessToken)
	handler.ServeHTTP(httptest.NewRecorder(), r)
	// Output: user-1 offers chat, bearer
}

func ExampleTokenAfter() {
	show(stream.TokenAfter("access_token"), "chat, access_token, eyJ0.e30.c2ln")
	// Output: token eyJ0.e30.c2ln, the handler sees "chat, access_token"
}

func ExampleTokenWithPrefix() {
	show(stream.TokenWithPrefix("example.bearer."), "chat, example.bearer.eyJ0.e30.c2ln")
	// Output: token eyJ0.e30.c2ln, the handler sees "chat"
}

func ExampleEncodedToken() {
	show(stream.EncodedToken("base64url.bearer.authorization.k8s.io."), "base64url.bearer.authorization.k8s.io.ZXlKMC5lMzAuYzJsbg, v4.channel.k8s.io")
	// Output: token eyJ0.e30.c2ln, the handler sees "v4.channel.k8s.io"
}

// show prints the token in a handshake, and the subprotocols that remain.
func show(tokens *stream.Subprotocol, offered string) {
	r := httptest.NewRequest("GET", "/socket", nil)
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Protocol", offered)
	tokens.Extract(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		token, err := tokens.Source()(r) // Verify calls it
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("token %s, the handler sees %q\n", token, r.Header.Get("Sec-WebSocket-Protocol"))
	})).ServeHTTP(httptest.NewRecorder(), r)
}

func ExampleUntilExpiry() {
	claims := &jwtauth.Claims{Subject: "user-1", ExpiresAt: time.Now().Add(50 * time.Millisecond)}
	ctx, cancel := stream.UntilExpiry(context.Background(), claims)
	defer cancel()
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	// Output: jwtauth: token expired
}

func ExampleUntilLogout() {
	issuer, store := exampleIssuer()
	until := stream.UntilLogout(store, time.Second)
	login, err := issuer.Login(context.Background(), "user-1")
	if err != nil {
		log.Fatal(err)
	}
	claims, err := issuer.VerifyToken(context.Background(), login.AccessToken)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := until(context.Background(), claims)
	defer cancel()
	if err := issuer.Logout(context.Background(), login.RefreshToken); err != nil {
		log.Fatal(err)
	}
	<-ctx.Done()
	fmt.Println(context.Cause(ctx))
	// Output: jwtauth: token refused: session ended
}

func ExampleCloseStatus() {
	for _, err := range []error{jwtauth.ErrTokenExpired, jwtauth.ErrForbidden, jwtauth.ErrUnavailable, context.Canceled} {
		fmt.Println(stream.CloseStatus(err))
	}
	// Output:
	// 4401 token_expired
	// 4403 forbidden
	// 1013 unavailable
	// 1001 going_away
}
