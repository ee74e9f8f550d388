package main

import (
	"cmp"
	"flag"
	"fmt"
	"strings"
)

// shells are the completion scripts for commands, flags and file names. The
// arguments are the first words of the commands, and a line for each command
// that has flags.
var shells = map[string]struct{ script, line string }{
	"bash": {`_jwtauth() {
	local word="${COMP_WORDS[COMP_CWORD]}" name="${COMP_WORDS[1]}" list=""
	[ "$name" = key ] && [ "$COMP_CWORD" -gt 2 ] && name="key ${COMP_WORDS[2]}"
	if [ "$COMP_CWORD" -eq 1 ]; then
		list="%[1]s"
	elif [ "$COMP_CWORD" -eq 2 ] && [ "$name" = key ]; then
		list="new public show"
	elif [[ "$word" == -* ]]; then
		case "$name" in
%[2]s		esac
	else
		compopt -o filenames 2>/dev/null
		local IFS=$'\n'
		COMPREPLY=($(compgen -f -- "$word"))
		return
	fi
	COMPREPLY=($(compgen -W "$list" -- "$word"))
}
complete -F _jwtauth jwtauth
`, "\t\t\"%s\") list=\"%s\" ;;\n"},
	"zsh": {`#compdef jwtauth
_jwtauth() {
	local name="$words[2]" list=""
	[[ $name == key ]] && (( CURRENT > 3 )) && name="key $words[3]"
	if (( CURRENT == 2 )); then
		list="%[1]s"
	elif (( CURRENT == 3 )) && [[ $name == key ]]; then
		list="new public show"
	elif [[ $words[CURRENT] == -* ]]; then
		case "$name" in
%[2]s		esac
	else
		_files
		return
	fi
	compadd -- ${=list}
}
compdef _jwtauth jwtauth
`, "\t\t\"%s\") list=\"%s\" ;;\n"},
	"fish": {`complete -c jwtauth -f -n __fish_use_subcommand -a "%[1]s"
complete -c jwtauth -f -n "__fish_seen_subcommand_from key; and not __fish_seen_subcommand_from new public show" -a "new public show"
%[2]s`, "complete -c jwtauth -n \"__fish_seen_subcommand_from %s\" -a \"%s\"\n"},
}

func completion(c *call) error {
	if len(c.args) != 1 || shells[c.args[0]].script == "" {
		return usage("name a shell: bash, zsh or fish")
	}
	shell := shells[c.args[0]]
	var words []string
	lines := &strings.Builder{}
	for i := range commands {
		cmd := &commands[i]
		if word, _, _ := strings.Cut(cmd.name, " "); len(words) == 0 || words[len(words)-1] != word {
			words = append(words, word)
		}
		var flags []string
		cmd.flagSet().VisitAll(func(f *flag.Flag) { flags = append(flags, "-"+f.Name) })
		if len(flags) > 0 {
			name := cmd.name
			if c.args[0] == "fish" { // it compares single words
				_, name, _ = strings.Cut(" "+name, " key ")
				name = cmp.Or(name, cmd.name)
			}
			fmt.Fprintf(lines, shell.line, name, strings.Join(flags, " "))
		}
	}
	return c.write(fmt.Sprintf(shell.script, strings.Join(words, " "), lines))
}
