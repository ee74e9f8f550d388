package withecho

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/examples/frameworks/internal/routetest"
)

func TestRoutes(t *testing.T) {
	routetest.Run(t, routetest.App{Start: routetest.Serve(Routes), CheckRefusal: func(r routetest.Response, p jwtauth.Problem) error {
		var body map[string]string
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil { // also if there are two
			return err
		}
		if body["message"] != p.Detail || len(body) != 1 {
			return fmt.Errorf("want %q", p.Detail)
		}
		return nil
	}})
}
