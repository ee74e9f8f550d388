package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/seed-0a072700/jwtauth"
)

// keyFlags are the flags that say which keys are used.
type keyFlags struct {
	alg        string
	files      list
	secret     string // file
	secretText string // its content, when it has been read
	jwks       string // file or URL
	issuerURL  string
}

func (k *keyFlags) signing(flags *flag.FlagSet) {
	flags.StringVar(&k.alg, "alg", "", "`algorithm` (default: by the key; HS256 for a secret)")
	flags.Var(&k.files, "key", "`file` with a private key in PEM or JWK")
	flags.StringVar(&k.secret, "secret", "", "`file` with a secret for HS256, HS384 or HS512; a final line break does not belong to it")
}

func (k *keyFlags) verifying(flags *flag.FlagSet) {
	k.signing(flags)
	flags.Lookup("key").Usage = "`file` with a key in PEM or JWK; may be given several times"
	flags.StringVar(&k.jwks, "jwks", "", "`file or URL` of a key set (JWKS)")
	flags.StringVar(&k.issuerURL, "issuer-url", "", "`URL` of a provider, whose key set is found by discovery")
}

// readKey reads one key in PEM or JWK.
func (c *call) readKey(name, alg string) (jwtauth.Key, error) {
	data, err := c.read(name)
	if err != nil {
		return jwtauth.Key{}, err
	}
	key, err := jwtauth.ParseKey(jwtauth.Algorithm(alg), data)
	if err != nil {
		return jwtauth.Key{}, usageError{err}
	}
	return key, nil
}

// readSecret reads the file of -secret.
func (c *call) readSecret() ([]byte, error) {
	data, err := c.read(c.key.secret)
	c.key.secretText = string(data)
	data, _ = bytes.CutSuffix(data, []byte("\n"))
	data, _ = bytes.CutSuffix(data, []byte("\r"))
	return data, err
}

// keys returns the keys of -key and -secret.
func (c *call) keys() ([]jwtauth.Key, error) {
	var keys []jwtauth.Key
	for _, name := range c.key.files {
		key, err := c.readKey(name, c.key.alg)
		if err != nil {
			return nil, c.wrongFlag(name, err)
		}
		keys = append(keys, key)
	}
	if c.key.secret == "" {
		return keys, nil
	}
	data, err := c.readSecret()
	if err != nil {
		return nil, err
	}
	alg := jwtauth.Algorithm(c.key.alg)
	if alg == "" {
		alg = jwtauth.HS256
	}
	key, err := jwtauth.NewKey(alg, data)
	if err != nil {
		return nil, c.wrongFlag(c.key.secret, err)
	}
	return append(keys, key), nil
}

// wrongFlag returns the error for the file of -key or -secret. If the file is
// for another flag, it names that one.
func (c *call) wrongFlag(name string, err error) error {
	text := strings.NewReplacer("use NewKey for", "use -secret for", "ParseKey reads", "-key reads").Replace(plain(err))
	if c.flags.Lookup("jwks") != nil {
		text = strings.Replace(text, "; pass one of its keys", "; use -jwks", 1)
	}
	return usage("%s: %s", name, text)
}

// source returns the keys that a service would verify with, or nil if no flag
// names any.
func (c *call) source() (jwtauth.KeySource, error) {
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	given := 0
	for _, is := range []bool{len(keys) > 0, c.key.jwks != "", c.key.issuerURL != ""} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		return nil, nil
	case given > 1:
		return nil, usage("use one of -key and -secret, -jwks, -issuer-url")
	case c.key.jwks != "":
		return c.keySet()
	case c.key.issuerURL != "":
		return remote(jwtauth.NewRemoteKeysFromIssuer(c.key.issuerURL, jwtauth.RemoteKeysOptions{}))
	}
	for i, key := range keys {
		if public := key.Public(); public.Algorithm() != "" {
			keys[i] = public
		}
	}
	static, err := jwtauth.StaticKeys(keys...)
	if err != nil {
		return nil, usageError{err}
	}
	return static, nil
}

// isURL reports whether the argument of -jwks is a URL and not a file.
func isURL(name string) bool {
	scheme, _, found := strings.Cut(name, "://")
	return found && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

// fileURL stands for a file in the code that fetches key sets.
const fileURL = "https://file.invalid/keys"

// keySet returns the keys of -jwks. A file is read by the same code as a URL.
func (c *call) keySet() (jwtauth.KeySource, error) {
	if isURL(c.key.jwks) {
		return remote(jwtauth.NewRemoteKeys(c.key.jwks, jwtauth.RemoteKeysOptions{}))
	}
	data, err := c.read(c.key.jwks)
	if err != nil {
		return nil, err
	}
	keys, err := remote(jwtauth.NewRemoteKeys(fileURL, jwtauth.RemoteKeysOptions{Transport: fileTransport(data)}))
	if err != nil {
		if _, err := jwtauth.ParseKey("", data); err == nil {
			return nil, usage("%s: the file has one key, not a key set: use -key", c.key.jwks)
		}
		_, reason, _ := strings.Cut(err.Error(), fileURL+": ")
		return nil, usage("%s: %s", c.key.jwks, strings.Replace(reason, "the response", "the file", 1))
	}
	return keys, nil
}

// remote waits until the keys are there.
func remote(keys *jwtauth.RemoteKeys, err error) (jwtauth.KeySource, error) {
	if err != nil {
		return nil, usageError{err}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := keys.Ready(ctx); err != nil {
		return nil, err
	}
	return keys, nil
}

// fileTransport responds to each request with the content of a file.
type fileTransport []byte

func (f fileTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{"Content-Type": {"application/json"}}
	return &http.Response{StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(bytes.NewReader(f)), ContentLength: int64(len(f)), Request: r}, nil
}

func isUnavailable(err error) bool { return errors.Is(err, jwtauth.ErrUnavailable) }

func keyNew(c *call) error {
	alg := jwtauth.Algorithm(*c.text["alg"])
	key, err := jwtauth.GenerateKey(alg)
	if err != nil {
		return usageError{err}
	}
	if id := *c.text["id"]; id != "" {
		key = key.WithID(id)
	}
	return c.writeKey(key, c.json || strings.HasPrefix(string(alg), "HS"))
}

func keyPublic(c *call) error {
	key, err := c.readKey(strings.Join(c.args, " "), *c.text["alg"])
	if err != nil {
		return err
	}
	public := key.Public()
	if public.Algorithm() == "" {
		return usage("a key for %s has no public part", key.Algorithm())
	}
	return c.writeKey(public, c.json)
}

// writeKey writes a key as PEM or JWK.
func (c *call) writeKey(key jwtauth.Key, asJWK bool) error {
	if !asJWK {
		text, err := key.MarshalPEM()
		if err != nil {
			return usageError{err}
		}
		return c.write(string(text))
	}
	text, err := key.MarshalJWK()
	if err != nil {
		return usageError{err}
	}
	return c.write(string(text) + "\n")
}

func keyShow(c *call) error {
	key, err := c.readKey(strings.Join(c.args, " "), *c.text["alg"])
	if err != nil {
		return err
	}
	kind := "private"
	if public := key.Public(); public.Algorithm() == "" {
		kind = "symmetric"
	} else if _, err := jwtauth.NewIssuer(key, jwtauth.IssuerOptions{}); err != nil {
		kind = "public"
	}
	if c.json {
		return c.writeJSON(map[string]string{"alg": string(key.Algorithm()), "kid": key.ID(), "kind": kind})
	}
	return c.write(fmt.Sprintf("algorithm  %s\nkey ID     %s\nkind       %s\n", key.Algorithm(), key.ID(), kind))
}

func jwks(c *call) error {
	if len(c.args) == 0 {
		return usage("name the files of the keys")
	}
	set := struct {
		Keys []json.RawMessage `json:"keys"`
	}{}
	for _, name := range c.args {
		key, err := c.readKey(name, "")
		if err != nil {
			return usage("%s: %s", name, plain(err))
		}
		public := key.Public()
		if public.Algorithm() == "" {
			return usage("%s: a key for %s is secret, and has no place in a key set", name, key.Algorithm())
		}
		jwk, err := public.MarshalJWK()
		if err != nil {
			return usageError{err}
		}
		set.Keys = append(set.Keys, jwk)
	}
	return c.writeJSON(set)
}
