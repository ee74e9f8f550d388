package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// write writes text to the standard output.
func (c *call) write(text string) error {
	if _, err := io.WriteString(c.stdout, visible(text)); err != nil {
		return usageError{err}
	}
	return nil
}

func (c *call) writeJSON(v any) error {
	text := &strings.Builder{}
	enc := json.NewEncoder(text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	return c.write(text.String())
}

// visible returns text in which the characters that a terminal would obey or
// hide are escaped as in JSON, so JSON remains JSON. Bytes that are not UTF-8
// become U+FFFD. A token comes from a stranger: its claims must not move the
// cursor, or look like a line of the output.
func visible(text string) string {
	if utf8.ValidString(text) && strings.IndexFunc(text, isHidden) < 0 {
		return text
	}
	b := &strings.Builder{}
	for _, r := range text {
		if !isHidden(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func isHidden(r rune) bool { return !strconv.IsPrint(r) && r != '\n' && r != '\t' }
