// Package e2e tests jwtauth together with other programs, other languages and
// other implementations of the same standards:
//
//   - browser: the example webapp and session.js in Chromium
//   - hsm: keys in a PKCS#11 token (SoftHSM)
//   - interop: tokens, keys and passwords of Node's packages
//   - observed: the metrics of examples/observed
//   - oidc: an OpenID provider, key sets from a URL, a client of examples/mcp
//   - readme: the commands of README.md
//   - sessions: several instances, crashes, failovers and outages
//   - stores: sqlstore and redisstore on real databases
//
// A test is skipped if the machine lacks a program that it needs (see
// internal/need). `make deps` installs these programs.
package e2e
