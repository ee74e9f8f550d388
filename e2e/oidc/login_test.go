package oidc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// redirectURL is that of the client mcp. It is never requested.
const redirectURL = "http://127.0.0.1:9/callback"

var formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)

// signIn opens an authorization URL like a browser, signs the user in and
// consents. It returns the parameters of the redirect to the client.
func signIn(ctx context.Context, authorizationURL, user string) (url.Values, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	var response url.Values
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirectURL) {
			response = r.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	req, err := http.NewRequestWithContext(ctx, "GET", authorizationURL, nil)
	if err != nil {
		return nil, err
	}
	for range 5 { // the pages of the provider
		page, at, err := open(browser, req)
		if err != nil || response != nil {
			return response, err
		}
		action := formAction.FindStringSubmatch(page)
		if action == nil {
			return nil, fmt.Errorf("%s has no form: %s", at, page)
		}
		form := url.Values{"prompt": {"consent"}}
		if strings.Contains(page, `name="login"`) {
			form = url.Values{"prompt": {"login"}, "login": {user}, "password": {"any"}}
		}
		target, err := at.Parse(action[1])
		if err != nil {
			return nil, err
		}
		req, err = http.NewRequestWithContext(ctx, "POST", target.String(), strings.NewReader(form.Encode()))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return nil, errors.New("the provider shows more than 5 pages")
}

func open(browser *http.Client, req *http.Request) (page string, at *url.URL, err error) {
	resp, err := browser.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), resp.Request.URL, err
}
