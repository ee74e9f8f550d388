package withconnect

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/examples/frameworks/internal/routetest"
)

func TestRoutes(t *testing.T) {
	routetest.Run(t, routetest.App{
		Start:  routetest.Serve(Routes),
		Method: "POST", Type: "application/json", Body: "{}",
		Public: "/example.Greeter/Hello", Protected: "/example.Greeter/Me", Scoped: "/example.Greeter/Reports",
		NoBadRequest: true,
		CheckRefusal: checkRefusal,
	})
}

func checkRefusal(r routetest.Response, p jwtauth.Problem) error {
	var body struct{ Code, Message string }
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		return err
	}
	code := map[int]string{400: "unauthenticated", 401: "unauthenticated", 403: "permission_denied", 503: "unavailable"}[p.Status]
	if body.Code != code || body.Message != p.Detail {
		return fmt.Errorf("want %q and %q", code, p.Detail)
	}
	return nil
}
