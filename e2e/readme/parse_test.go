//go:build unix

package readme_test

import (
	"reflect"
	"strings"
	"testing"
)

// section is a part of the README with commands.
type section struct {
	title  string
	blocks []block
}

// block is a fenced block with commands ("sh") or a program ("go"), and the
// block with the output that follows directly.
type block struct {
	kind   string
	text   string
	output string
}

// parse returns the sections that have commands.
func parse(readme string) []section {
	var sections []section
	for _, part := range strings.Split(readme, "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		s := section{title: title}
		fences := strings.Split(body, "```")
		hasCommands := false
		for i := 1; i < len(fences); i += 2 {
			kind, text, _ := strings.Cut(fences[i], "\n")
			follows := strings.TrimSpace(fences[i-1]) == ""
			switch {
			case kind == "sh":
				s.blocks = append(s.blocks, block{kind: kind, text: text})
				hasCommands = true
			case kind == "go" && strings.HasPrefix(text, program):
				s.blocks = append(s.blocks, block{kind: kind, text: text})
			case kind == "text" && follows && len(s.blocks) > 0:
				s.blocks[len(s.blocks)-1].output = text
			}
		}
		if hasCommands {
			sections = append(sections, s)
		}
	}
	return sections
}

// commands returns the commands of a block, one per line, without comments.
func commands(block string) []string {
	var list []string
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

func TestParse(t *testing.T) {
	got := parse("# x\n```sh\nnot in a section\n```\n## A\n```sh\n# note\none\ntwo\n```\n```text\nout\n```\ntext\n```text\na picture\n```\n" +
		"## B\n```go\na snippet\n```\n## C\n```go\n" + program + "package main\n```\n```sh\nthree\n```\n")
	want := []section{
		{"A", []block{{"sh", "# note\none\ntwo\n", "out\n"}}},
		{"C", []block{{"go", program + "package main\n", ""}, {"sh", "three\n", ""}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parse returns %q", got)
	}
	if got := commands(want[0].blocks[0].text); !reflect.DeepEqual(got, []string{"one", "two"}) {
		t.Errorf("commands returns %q", got)
	}
}
