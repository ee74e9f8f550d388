package main

import (
	"flag"
	"fmt"
	"strings"
)

// commands lists the commands in the order of the help.
var commands []command

func init() { // not a literal, because help refers to the list
	commands = []command{
		{name: "key new", summary: "generate a private key", run: keyNew, flags: func(c *call) {
			c.option("alg", "ES256", "`algorithm`, such as ES256, EdDSA, RS256 or HS256")
			c.option("id", "", "key `ID` (default: the thumbprint; none for HS…)")
			c.flags.BoolVar(&c.json, "jwk", false, "write a JWK instead of PEM; HS… keys are always JWKs")
		}, help: `Writes the key to the standard output. Keep it secret: after "umask 077", only
you can read the files that the shell creates.

	umask 077
	jwtauth key new > key.pem
	jwtauth key new -alg EdDSA -jwk > key.json`},
		{name: "key public", args: "[FILE]", summary: "write the public part of a key", run: keyPublic, flags: func(c *call) {
			c.option("alg", "", "`algorithm` (default: by the key)")
			c.flags.BoolVar(&c.json, "jwk", false, "write a JWK instead of PEM")
		}, help: `Reads a key in PEM or JWK from FILE or the standard input.

	jwtauth key public key.pem > public.pem`},
		{name: "key show", args: "[FILE]", summary: "describe a key without its secret parts", run: keyShow, flags: func(c *call) {
			c.option("alg", "", "`algorithm` (default: by the key)")
			c.jsonFlag()
		}, help: `Reads a key in PEM or JWK from FILE or the standard input.

	jwtauth key show key.pem`},
		{name: "secret", summary: "generate a secret for HS256, HS384 or HS512", run: secret, flags: func(c *call) {
			c.option("bytes", "32", "`length` in random bytes: 32 for HS256, 48 for HS384, 64 for HS512")
		}, help: `Writes the secret in base64url. Services use the text as it is.

	export TOKEN_SECRET=$(jwtauth secret)`},
		{name: "sign", summary: "sign a token", run: sign, flags: func(c *call) {
			c.key.signing(c.flags)
			c.option("sub", "", "`subject` of the token; required")
			c.option("iss", "", "`issuer` of the token")
			c.flags.Var(&c.rule.audience, "aud", "`audience` of the token; may be given several times")
			c.option("ttl", "15m", "`lifetime` of the token")
			c.option("claims", "", "`file` with private claims as a JSON object, or - for the standard input")
		}, help: `Writes the token to the standard output.

	jwtauth sign -key key.pem -sub ann -iss https://login.example -aud https://api.example
	echo '{"role":"admin"}' | jwtauth sign -key key.pem -sub ann -claims -`},
		{name: "verify", args: "[TOKEN]", summary: "verify a token and write its claims", run: verify, flags: func(c *call) {
			c.key.verifying(c.flags)
			c.rule.define(c.flags)
		}, help: `Reads the token from TOKEN or the standard input, and writes its claims as JSON.
A rule without a flag is not checked: issuer and audience. The exit code is 1 if
the token is refused.

	jwtauth verify -key public.pem -iss https://login.example -aud https://api.example < token.txt
	jwtauth verify -issuer-url https://login.example -aud https://api.example < token.txt`},
		{name: "explain", args: "[TOKEN]", summary: "explain why a service would refuse a token", run: explain, flags: func(c *call) {
			c.key.verifying(c.flags)
			c.rule.define(c.flags)
			c.jsonFlag()
		}, help: `Checks every rule of the verifier, and says how to fix those that fail. Reads the
token from TOKEN or the standard input. Without a key it checks everything
except for the signature. The output shows claims of the token. The exit code is
1 if a service with these settings would refuse the token.

	jwtauth explain -key public.pem -iss https://login.example -aud https://api.example < token.txt
	jwtauth explain -jwks keys.json -aud https://api.example < token.txt
	jwtauth explain -issuer-url https://login.example -aud https://api.example < token.txt
	jwtauth explain -secret secret.txt -json < token.txt`},
		{name: "jwks", args: "FILE...", summary: "write the public key set of some keys", run: jwks, flags: func(*call) {},
			help: `Reads keys in PEM or JWK, and writes their public parts as a JWK set.

	jwtauth jwks new.pem old.pem > jwks.json`},
		{name: "hash", summary: "hash a password with bcrypt", run: hash, flags: func(c *call) {
			c.option("cost", "12", "bcrypt `cost`, 10 to 16")
		}, help: `Reads the password from the standard input, up to the end of the line. The
second example reads it from the keyboard without showing it.

	jwtauth hash < password.txt
	read -rs password && printf %s "$password" | jwtauth hash`},
		{name: "check-hash", args: "HASH", summary: "check a password against a bcrypt hash", run: checkHash, flags: func(*call) {},
			help: `Reads the password from the standard input, up to the end of the line. The exit
code is 1 if it does not match.

	jwtauth check-hash '$2b$12$…' < password.txt`},
		{name: "completion", args: "bash|zsh|fish", summary: "write a completion script for a shell", run: completion, flags: func(*call) {},
			help: `	source <(jwtauth completion bash)
	jwtauth completion fish > ~/.config/fish/completions/jwtauth.fish`},
		{name: "help", args: "[COMMAND]", summary: "describe a command", run: help, flags: func(*call) {}},
	}
}

func help(c *call) error {
	if len(c.args) == 0 {
		return c.write(helpText())
	}
	name := strings.Join(c.args, " ")
	if group := commandList(name + " "); group != "" {
		return c.write("Commands:\n\n" + group)
	}
	cmd, _ := find(c.args)
	if cmd == nil {
		return usage("unknown command %q", name)
	}
	return c.write(commandHelp(cmd))
}

// flagSet returns the flags of the command, to describe them.
func (cmd *command) flagSet() *flag.FlagSet {
	described := &call{text: make(map[string]*string), flags: flag.NewFlagSet("", flag.ContinueOnError)}
	if cmd.flags != nil {
		cmd.flags(described)
	}
	return described.flags
}

func helpText() string {
	return "Jwtauth makes keys and tokens, and explains why a service refuses a token.\n\nCommands:\n\n" + commandList("") + `
"jwtauth help COMMAND" describes a command. Exit codes: 0 success, 1 the token is
refused or the password does not match, 2 wrong arguments or input, 3 a key set
could not be fetched.
`
}

// commandList lists the commands whose names begin with prefix.
func commandList(prefix string) string {
	out := &strings.Builder{}
	for _, cmd := range commands {
		if strings.HasPrefix(cmd.name, prefix) {
			fmt.Fprintf(out, "  %-12s %s\n", cmd.name, cmd.summary)
		}
	}
	return out.String()
}

func commandHelp(cmd *command) string {
	out, flags := &strings.Builder{}, cmd.flagSet()
	line := "jwtauth " + cmd.name
	hasFlags := false
	flags.VisitAll(func(*flag.Flag) { hasFlags = true })
	if hasFlags {
		line += " [flags]"
	}
	if cmd.args != "" {
		line += " " + cmd.args
	}
	fmt.Fprintf(out, "%s: %s\n\n", line, cmd.summary)
	if cmd.help != "" {
		fmt.Fprintf(out, "%s\n\n", cmd.help)
	}
	if hasFlags {
		out.WriteString("Flags:\n\n")
		flags.SetOutput(out)
		flags.PrintDefaults()
	}
	return out.String()
}
