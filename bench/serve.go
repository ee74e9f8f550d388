package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/seed-0a072700/jwtauth/bench/internal/fixture"
	"github.com/seed-0a072700/jwtauth/bench/internal/impl"
)

// connections is the number of concurrent clients of an [http.Server].
const connections = 8

// serving compares servers with a protected route and one with an open route.
// All receive the same requests, token included.
func serving() []measurement {
	open := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	list := []measurement{{serveName("none"), func() (workload, error) { return newServer(open) }}}
	for _, im := range impl.All {
		list = append(list, measurement{serveName(im.Name), func() (workload, error) {
			h, err := im.Handler("HS256", fixture.KeyOf("HS256"))
			if err != nil {
				return nil, err
			}
			return newServer(h)
		}})
	}
	return list
}

// server is an [http.Server] on loopback and its clients. The clients are those
// of net/http, in the same process.
type server struct {
	http   http.Server
	client *http.Client
	url    string
}

func newServer(h http.Handler) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{
		http:   http.Server{Handler: h},
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}},
		url:    "http://" + listener.Addr().String() + "/",
	}
	go func() { _ = s.http.Serve(listener) }() // until close
	return s, nil
}

func (s *server) run(n int, t timer) error {
	authorization := []string{"Bearer " + pool("HS256", fixture.Small)[0]}
	errs := make([]error, connections)
	var wg sync.WaitGroup
	t.StartTimer()
	for i := range errs {
		wg.Go(func() {
			for k := i; k < n && errs[i] == nil; k += connections {
				errs[i] = s.get(authorization)
			}
		})
	}
	wg.Wait()
	t.StopTimer()
	return errors.Join(errs...)
}

func (s *server) get(authorization []string) error {
	request, err := http.NewRequest(http.MethodGet, s.url, nil)
	if err != nil {
		return err
	}
	request.Header["Authorization"] = authorization
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("status %s", response.Status)
	}
	return nil
}

func (s *server) close() {
	s.client.CloseIdleConnections()
	_ = s.http.Shutdown(context.Background())
}
