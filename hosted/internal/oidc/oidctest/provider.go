// Package oidctest is an OpenID provider for tests: it signs with real keys and answers over real TLS, so that the client is
// tested as it runs. Its hooks make it lie. It is not for production: whoever asks is let in.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Client is who may ask.
const (
	ClientID = "voiptop"
	Secret   = "s3cret-of-the-client"
)

// Claims are what a token says.
type Claims map[string]any

// Key signs tokens.
type Key struct {
	ID     string
	Signer crypto.Signer
}

// NewRSA makes a key for RS256.
func NewRSA(t testing.TB, id string) Key {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return Key{id, k}
}

// NewEC makes a key for ES256.
func NewEC(t testing.TB, id string) Key {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return Key{id, k}
}

// Provider is a running provider.
type Provider struct {
	*httptest.Server
	Now func() time.Time

	mu      sync.Mutex
	person  Claims // who is logged in there
	info    Claims // what userinfo says; nil: there is none
	keys    []Key  // published
	sign    Key
	forge   func(Claims) string // makes the ID token instead
	down    bool
	answers bool // with iss
	codes   map[string]code
	asked   map[string]int // by path
}

// code is what an authorisation code stands for.
type code struct {
	challenge, redirect, nonce string
	person                     Claims
}

// Start starts a provider that ends with the test.
func Start(t testing.TB, now func() time.Time) *Provider {
	p := &Provider{Now: now, codes: map[string]code{}, asked: map[string]int{}, sign: NewRSA(t, "first")}
	p.keys = []Key{p.sign}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

// CA is the certificate to be trusted, as PEM.
func (p *Provider) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
}

func (p *Provider) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// LogIn says who is logged in there: claims, sub among them.
func (p *Provider) LogIn(c Claims) { p.set(func() { p.person = c }) }

// UserInfo makes the provider have an endpoint that says so.
func (p *Provider) UserInfo(c Claims) { p.set(func() { p.info = c }) }

// Rotate publishes keys; the last one signs.
func (p *Provider) Rotate(keys ...Key) {
	p.set(func() { p.keys, p.sign = keys, keys[len(keys)-1] })
}

// SignWith signs with a key, published or not.
func (p *Provider) SignWith(k Key) { p.set(func() { p.sign = k }) }

// Forge makes ID tokens with f, which gets the claims of a right one; nil: no more.
func (p *Provider) Forge(f func(Claims) string) { p.set(func() { p.forge = f }) }

// Down makes the provider answer 503.
func (p *Provider) Down(down bool) { p.set(func() { p.down = down }) }

// AnswersWithIssuer makes the provider put iss into its answers, and say so (RFC 9207).
func (p *Provider) AnswersWithIssuer() { p.set(func() { p.answers = true }) }

// Asked is how often a path was asked for.
func (p *Provider) Asked(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked[path]
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked[r.URL.Path]++
	if p.down {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		d := map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"end_session_endpoint": p.URL + "/logout", "id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"},
			"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
			"authorization_response_iss_parameter_supported": p.answers,
		}
		if p.info != nil {
			d["userinfo_endpoint"] = p.URL + "/userinfo"
		}
		answer(w, http.StatusOK, d)
	case "/authorize":
		p.authorize(w, r)
	case "/token":
		p.token(w, r)
	case "/userinfo":
		answer(w, http.StatusOK, p.info)
	case "/keys":
		p.published(w)
	default:
		http.NotFound(w, r)
	}
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || !slices.Contains(strings.Fields(q.Get("scope")), "openid") {
		http.Error(w, "bad request of the client", http.StatusBadRequest)
		return
	}
	to, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, "bad redirect", http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if p.answers {
		back.Set("iss", p.URL)
	}
	if p.person == nil {
		back.Set("error", "access_denied")
	} else {
		id := random()
		p.codes[id] = code{q.Get("code_challenge"), q.Get("redirect_uri"), q.Get("nonce"), maps.Clone(p.person)}
		back.Set("code", id)
	}
	to.RawQuery = back.Encode()
	http.Redirect(w, r, to.String(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	bad := func(what string) { answer(w, http.StatusBadRequest, map[string]string{"error": what}) }
	name, secret, _ := r.BasicAuth()
	if name != ClientID || secret != Secret {
		bad("invalid_client")
		return
	}
	c, ok := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || c.redirect != r.PostFormValue("redirect_uri") || c.challenge != base64.RawURLEncoding.EncodeToString(sum[:]) {
		bad("invalid_grant")
		return
	}
	claims := Claims{"iss": p.URL, "aud": ClientID, "iat": p.Now().Unix(), "exp": p.Now().Add(5 * time.Minute).Unix(), "nonce": c.nonce}
	maps.Copy(claims, c.person)
	var id string
	if p.forge != nil {
		id = p.forge(claims)
	} else {
		id = Sign(p.sign, claims)
	}
	out := map[string]any{"access_token": random(), "token_type": "Bearer", "expires_in": 300}
	if id != "" {
		out["id_token"] = id
	}
	answer(w, http.StatusOK, out)
}

func (p *Provider) published(w http.ResponseWriter) {
	list := []map[string]string{}
	b64 := base64.RawURLEncoding.EncodeToString
	for _, k := range p.keys {
		switch key := k.Signer.Public().(type) {
		case *rsa.PublicKey:
			list = append(list, map[string]string{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": k.ID, "n": b64(key.N.Bytes()), "e": "AQAB"})
		case *ecdsa.PublicKey:
			raw, err := key.Bytes() // 4, x, y
			if err != nil {
				continue
			}
			list = append(list, map[string]string{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": k.ID, "x": b64(raw[1:33]), "y": b64(raw[33:])})
		}
	}
	answer(w, http.StatusOK, map[string]any{"keys": list})
}

// Sign makes a JSON Web Token (RFC 7515) with the algorithm of a key.
func Sign(k Key, c Claims) string {
	alg := "RS256"
	if _, ok := k.Signer.(*ecdsa.PrivateKey); ok {
		alg = "ES256"
	}
	head := Part(map[string]string{"alg": alg, "typ": "JWT", "kid": k.ID}) + "." + Part(c)
	sum := sha256.Sum256([]byte(head))
	var sig []byte
	var err error
	switch key := k.Signer.(type) {
	case *ecdsa.PrivateKey:
		r, s, e := ecdsa.Sign(rand.Reader, key, sum[:])
		err = e
		sig = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	default:
		sig, err = k.Signer.Sign(rand.Reader, sum[:], crypto.SHA256)
	}
	if err != nil {
		panic(err) // a key of the test's own
	}
	return head + "." + base64.RawURLEncoding.EncodeToString(sig)
}

// Part is a part of a token.
func Part(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // claims of the test's own
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone: nobody is left to tell
}

func random() string { return rand.Text() }
