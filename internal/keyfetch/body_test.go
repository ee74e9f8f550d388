package keyfetch_test

import (
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// endless responds with 10 GB that begin with a text, and counts what is read.
func endless(begin string, read *atomic.Int64) reply {
	return func(*http.Request) (*http.Response, error) {
		resp := response(http.StatusOK, "")
		resp.Body = &endlessBody{10 << 30, begin, read}
		return resp, nil
	}
}

type endlessBody struct {
	left  int64
	begin string
	read  *atomic.Int64
}

func (b *endlessBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, b.begin)
	b.begin = b.begin[n:]
	for i := n; i < len(p); i++ {
		p[i] = ' '
	}
	b.left -= int64(len(p))
	b.read.Add(int64(len(p)))
	return len(p), nil
}

func (b *endlessBody) Close() error { return nil }

// drip responds with a byte per second.
func drip(r *http.Request) (*http.Response, error) {
	resp := response(http.StatusOK, "")
	resp.Body = dripBody{r.Context()}
	return resp, nil
}

type dripBody struct{ ctx context.Context }

func (b dripBody) Read(p []byte) (int, error) {
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(time.Second):
		p[0] = ' '
		return 1, nil
	}
}

func (b dripBody) Close() error { return nil }

// panickingBody panics when it is read.
type panickingBody struct{ io.ReadCloser }
