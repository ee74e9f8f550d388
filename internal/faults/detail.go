package faults

import "strings"

// prefix begins the text of each error that this package or the root makes.
const prefix = "jwtauth: "

// Detail returns err for use behind another error: its text does not repeat the
// prefix. It matches the same errors as err.
func Detail(err error) error { return detail{err} }

type detail struct{ error }

func (d detail) Error() string { return strings.TrimPrefix(d.error.Error(), prefix) }
func (d detail) Unwrap() error { return d.error }
