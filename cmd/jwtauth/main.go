// Jwtauth makes keys and tokens, and explains why a service refuses a token.
//
//	go install github.com/seed-0a072700/jwtauth/cmd/jwtauth@latest
//
//	jwtauth key new > key.pem
//	jwtauth sign -key key.pem -sub ann | jwtauth explain -key key.pem
//
// "jwtauth help" lists the commands, and "jwtauth help explain" describes one.
// Tokens, secrets and passwords are read from the standard input or from a
// file, because other users of a machine can see the arguments of a program.
//
// No command uses the network, except for verify and explain with a URL.
//
// Exit codes:
//
//	0  success
//	1  the token is refused, or the password does not match
//	2  the arguments or the input are wrong, or the output cannot be written
//	3  a key set could not be fetched
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/seed-0a072700/jwtauth"
)

const (
	exitRefused     = 1
	exitUsage       = 2
	exitUnavailable = 3
)

// command is one subcommand.
type command struct {
	name    string // "key new"
	args    string // after the flags
	summary string
	help    string // paragraphs and examples
	run     func(c *call) error
	flags   func(c *call)
}

// call is one call of a command.
type call struct {
	flags          *flag.FlagSet
	stdin          io.Reader
	stdout, stderr io.Writer
	stdinRead      bool
	args           []string // without the flags

	json bool
	key  keyFlags
	rule ruleFlags
	text map[string]*string
}

// errRefused ends a command whose output says why.
var errRefused = errors.New("refused")

// usageError is a fault of the arguments, the input or the output.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run runs the command line and returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || slices.Contains([]string{"-h", "-help", "--help"}, args[0]) {
		args = []string{"help"}
	}
	cmd, rest := find(args)
	if cmd == nil {
		fmt.Fprintf(stderr, "jwtauth: unknown command %q; \"jwtauth help\" lists the commands\n", strings.Join(args[:min(len(args), 2)], " "))
		return exitUsage
	}
	c := &call{stdin: stdin, stdout: stdout, stderr: stderr, text: make(map[string]*string)}
	c.flags = flag.NewFlagSet("jwtauth "+cmd.name, flag.ContinueOnError)
	c.flags.SetOutput(io.Discard) // run writes the errors and the help
	if cmd.flags != nil {
		cmd.flags(c)
	}
	switch err := c.parse(rest); {
	case errors.Is(err, flag.ErrHelp):
		return exitCode(cmd, c.write(commandHelp(cmd)), stderr)
	case err != nil:
		return exitCode(cmd, usage("%w\n\"jwtauth help %s\" lists the flags", err, cmd.name), stderr)
	case cmd.args == "" && len(c.args) > 0: // not shown: it may be a password
		return exitCode(cmd, usage("only flags may follow the command; \"jwtauth help %s\" lists them", cmd.name), stderr)
	}
	return exitCode(cmd, cmd.run(c), stderr)
}

// parse parses the flags. They may also follow the other arguments, because a
// command is often repeated with a flag more.
func (c *call) parse(args []string) error {
	for {
		if err := c.flags.Parse(args); err != nil {
			return err
		}
		rest := c.flags.Args()
		if n := len(args) - len(rest); len(rest) == 0 || n > 0 && args[n-1] == "--" {
			c.args = append(c.args, rest...)
			return c.emptyFlag()
		}
		c.args, args = append(c.args, rest[0]), rest[1:]
	}
}

// emptyFlag returns an error for a flag with an empty value. It often comes
// from a variable that the shell does not know. An empty -iss would accept
// every issuer.
func (c *call) emptyFlag() (err error) {
	c.flags.Visit(func(f *flag.Flag) {
		if f.Value.String() == "" {
			err = fmt.Errorf("-%s is empty", f.Name)
		}
	})
	return err
}

func exitCode(cmd *command, err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, errRefused) {
		return exitRefused
	}
	// A wrong URL is not temporary. Exit code 3 covers both.
	text := strings.TrimPrefix(plain(err), plain(jwtauth.ErrUnavailable)+": ")
	fmt.Fprintf(stderr, "jwtauth %s: %s\n", cmd.name, visible(flagNames.Replace(text)))
	if isUnavailable(err) {
		return exitUnavailable
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitRefused
}

// flagNames adds the flags to the names of options in errors.
var flagNames = strings.NewReplacer(
	"VerifierOptions.Leeway:", "VerifierOptions.Leeway (-leeway):",
	"VerifierOptions.MaxAge:", "VerifierOptions.MaxAge (-max-age):",
	"HasherOptions.Cost:", "HasherOptions.Cost (-cost):",
	"ExpiresIn: d:", "ExpiresIn (-ttl):",
	"NewRemoteKeys: url:", "NewRemoteKeys (-jwks):",
	"NewRemoteKeysFromIssuer: issuer:", "NewRemoteKeysFromIssuer (-issuer-url):",
	"issuer to NewRemoteKeysFromIssuer", "issuer to NewRemoteKeysFromIssuer (-issuer-url)",
)

// find returns the command that the arguments begin with, and the others.
func find(args []string) (*command, []string) {
	for i := range commands {
		words := strings.Fields(commands[i].name)
		if len(args) >= len(words) && slices.Equal(args[:len(words)], words) {
			return &commands[i], args[len(words):]
		}
	}
	return nil, nil
}

// option defines a flag with a text.
func (c *call) option(name, value, usage string) {
	c.text[name] = c.flags.String(name, value, usage)
}

func (c *call) jsonFlag() { c.flags.BoolVar(&c.json, "json", false, "write JSON for programs") }
