// Package uploads removes the temporary files of uploads to handlers that get a
// copy of the request.
package uploads

import "net/http"

// Serve calls next with a copy of the request r. Afterwards it copies
// MultipartForm back: net/http removes the temporary files of an upload, but
// only those that it finds in its own request. After a panic net/http leaves
// them for HTTP/1, so Serve removes those that next has made.
func Serve(next http.Handler, w http.ResponseWriter, r, copied *http.Request) {
	returned := false
	defer func() {
		if r.MultipartForm != nil || copied.MultipartForm == nil {
			return
		}
		r.MultipartForm = copied.MultipartForm
		if !returned {
			_ = copied.MultipartForm.RemoveAll()
		}
	}()
	next.ServeHTTP(w, copied)
	returned = true
}
