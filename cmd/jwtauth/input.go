package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// maxInput is the length of the longest input that is read.
const maxInput = 8 << 20

// read returns the content of a file, or of the standard input if name is empty
// or "-".
func (c *call) read(name string) ([]byte, error) {
	in := c.stdin
	switch {
	case name != "" && name != "-":
		file, err := os.Open(name)
		if err != nil {
			return nil, usageError{err}
		}
		defer file.Close()
		in = file
	case c.stdinRead:
		return nil, usage("two inputs are read from the standard input: name a file for one of them")
	default:
		c.stdinRead = true
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	switch {
	case err != nil:
		return nil, usageError{err}
	case len(data) > maxInput:
		return nil, usage("the input is longer than 8 MiB")
	}
	return data, nil
}

// token returns the token in the argument, or in the standard input.
func (c *call) token() (string, error) {
	switch {
	case len(c.args) > 1:
		return "", usage("several arguments; a token has no spaces")
	case len(c.args) == 1 && c.args[0] != "-":
		return strings.TrimSpace(c.args[0]), nil
	}
	data, err := c.read("")
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	if token == "" {
		return "", usage("no token in the standard input")
	}
	return token, nil
}

// line returns the first line of the standard input, without its end.
func (c *call) line() (string, error) {
	data, err := c.read("")
	line, _, _ := strings.Cut(string(data), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, ", ") }

func (l *list) Set(value string) error {
	if value == "" {
		return fmt.Errorf("is empty")
	}
	*l = append(*l, value)
	return nil
}
