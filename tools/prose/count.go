package main

import (
	"bufio"
	"bytes"
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxRate limits each group of words, per 1,000 words of comments.
	maxRate = 1.0

	// maxColumns limits a comment line. A tab counts as tabColumns.
	maxColumns = 80
	tabColumns = 4
)

// groups are the words that are counted together.
var groups = [][]string{
	{"where"},
	{"what"},
	{"nobody", "nothing", "none"},
}

// counts is the result for a set of files.
type counts struct {
	lines, words int
	found        []int // by the index in groups
	long         int   // lines over maxColumns
	signs        int   // of "§": pkg.go.dev links "RFC 6750, section 3.1"
	places       []string
}

// countFolder counts all Go files below root except tests, testdata, and
// folders of other tools.
func countFolder(root string) (*counts, error) {
	c := &counts{found: make([]int, len(groups))}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			name := entry.Name()
			if name == "testdata" || name == "node_modules" || path != root && strings.HasPrefix(name, ".") && name != ".." {
				return filepath.SkipDir
			}
			return nil
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		c.addFile(name, src)
		return nil
	})
	return c, err
}

var (
	wordPattern   = regexp.MustCompile(`[A-Za-z]+(?:'[a-z]+)?`)
	tablePattern  = regexp.MustCompile(`^//\t.*\S {2,}\S`)
	directiveLine = regexp.MustCompile(`^//[a-z]+:[a-z]`)
)

// addFile counts the comments of one file.
func (c *counts) addFile(name string, src []byte) {
	inComment := commentLines(src)
	lines := bufio.NewScanner(bytes.NewReader(src))
	lines.Buffer(nil, len(src)+1)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		text := strings.TrimSpace(line)
		if !inComment[n] || directiveLine.MatchString(text) {
			continue
		}
		c.lines++
		place := func(fault string) {
			c.places = append(c.places, fmt.Sprintf("%s:%d: %s: %s", name, n, fault, text))
		}
		for _, word := range wordPattern.FindAllString(text, -1) {
			c.words++
			for i, group := range groups {
				if slices.Contains(group, strings.ToLower(word)) {
					c.found[i]++
					place(word)
				}
			}
		}
		if columns := columnsOf(line); columns > maxColumns && !strings.Contains(text, "://") && !tablePattern.MatchString(text) {
			c.long++
			place(fmt.Sprintf("%d columns", columns))
		}
		if n := strings.Count(text, "§"); n > 0 {
			c.signs += n
			place("write section instead of §")
		}
	}
}

// commentLines returns the numbers of the lines that hold a comment and no
// code. The scanner tells comments from strings that look like them.
func commentLines(src []byte) map[int]bool {
	lines := make(map[int]bool)
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	lastCode := 0 // the line of the last token that is not a comment
	for {
		pos, tok, text := s.Scan()
		line := file.Line(pos)
		switch {
		case tok == token.EOF:
			return lines
		case tok == token.COMMENT && strings.HasPrefix(text, "//") && line != lastCode:
			lines[line] = true
		case tok != token.COMMENT && text != "\n": // not an inserted semicolon
			lastCode = line + strings.Count(text, "\n")
		}
	}
}

func columnsOf(line string) int {
	return utf8.RuneCountInString(line) + strings.Count(line, "\t")*(tabColumns-1)
}

// rate returns how often a group of words occurs, per 1,000 words.
func (c *counts) rate(group int) float64 {
	if c.words == 0 {
		return 0
	}
	return 1000 * float64(c.found[group]) / float64(c.words)
}

func (c *counts) summary() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d comment lines, %d words\n", c.lines, c.words)
	for i, group := range groups {
		fmt.Fprintf(&b, "%-22s %4d  %.2f per 1,000 words\n", strings.Join(group, "/"), c.found[i], c.rate(i))
	}
	fmt.Fprintf(&b, "%-22s %4d\n", fmt.Sprintf("over %d columns", maxColumns), c.long)
	fmt.Fprintf(&b, "%-22s %4d\n", "§", c.signs)
	return b.String()
}

// faults returns the rules that the comments break.
func (c *counts) faults() (faults []string) {
	for i, group := range groups {
		if c.rate(i) >= maxRate {
			faults = append(faults, fmt.Sprintf("%s: %.2f per 1,000 words, want less than %.1f", strings.Join(group, "/"), c.rate(i), maxRate))
		}
	}
	if c.long > 0 {
		faults = append(faults, fmt.Sprintf("%d comment lines are longer than %d columns", c.long, maxColumns))
	}
	if c.signs > 0 {
		faults = append(faults, fmt.Sprintf("%d § are not written as section, which pkg.go.dev links", c.signs))
	}
	return faults
}
