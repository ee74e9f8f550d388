package withgin

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/seed-0a072700/jwtauth"
	"github.com/seed-0a072700/jwtauth/examples/frameworks/internal/routetest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}

func TestRoutes(t *testing.T) {
	routetest.Run(t, routetest.App{Start: routetest.Serve(Routes), CheckRefusal: func(r routetest.Response, p jwtauth.Problem) error {
		var body map[string]string
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil { // also if there are two
			return err
		}
		if body["error"] != p.Detail || body["code"] != p.Code || len(body) != 2 {
			return fmt.Errorf("want %q and %q", p.Detail, p.Code)
		}
		return nil
	}})
}
