package jwtauth_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// refreshPayload reads what a refresh token says, without verifying it.
func refreshPayload(token string) (claims struct {
	Generation int64  `json:"gen"`
	SessionID  string `json:"sid"`
	Subject    string `json:"sub"`
	Expires    int64  `json:"exp"`
}) {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		panic(err)
	}
	return claims
}
