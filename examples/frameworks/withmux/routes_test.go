package withmux

import (
	"testing"

	"github.com/seed-0a072700/jwtauth/examples/frameworks/internal/routetest"
)

func TestRoutes(t *testing.T) {
	routetest.Run(t, routetest.App{Start: routetest.Serve(Routes), CheckRefusal: routetest.ProblemJSON})
}
