// Package static holds the files that the pages of several examples share, so
// that a correction to one of them reaches all. To start your own service from
// an example, copy this folder along with it.
package static

import "embed"

// Files are the style, the icon and the scripts of signed-in pages:
//
//   - session.js, a client for login sessions without dependencies
//   - account.js, the part of a signed-in page that shows its access token
//
//go:embed app.css icon.svg session.js account.js
var Files embed.FS
