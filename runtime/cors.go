package runtime

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rs/cors"
)

// CORS says which web pages of other origins may call a server from a browser, in its HTTP formats. Requests may carry
// any header. The zero value allows nothing, and is an error.
type CORS struct {
	// AllowedOrigins are origins, "https://example.com", or those of all subdomains, "https://*.example.com", or all
	// there are, "*".
	AllowedOrigins []string
	// AllowCredentials lets the browser send its cookies and client certificates along. It does not go with "*".
	AllowCredentials bool
	// ExposedMeta are the keys of the response metadata that pages may read. They are needed with AllowCredentials only:
	// without, pages may read everything.
	ExposedMeta []string
	// MaxAge is for how long a browser need not ask again; default 10 min, negative for not at all.
	MaxAge time.Duration
}

// newCORS returns what observes c, which is nil if c is.
func newCORS(c *CORS) (*cors.Cors, error) {
	if c == nil {
		return nil, nil
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	exposed := []string{"*"}
	if c.AllowCredentials { // then "*" is but a name
		exposed = []string{
			"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "Grpc-Encoding", "Grpc-Accept-Encoding",
			"Connect-Content-Encoding", "Connect-Accept-Encoding", "Content-Encoding",
		}
		for _, key := range c.ExposedMeta {
			exposed = append(exposed, key, "Trailer-"+key)
		}
	}
	age := c.MaxAge
	if age == 0 {
		age = 10 * time.Minute
	}
	return cors.New(cors.Options{
		AllowedOrigins: c.AllowedOrigins,
		AllowedMethods: []string{
			http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
		},
		AllowedHeaders:   []string{"*"},
		ExposedHeaders:   exposed,
		AllowCredentials: c.AllowCredentials,
		MaxAge:           int(age.Seconds()),
	}), nil
}

func (c *CORS) check() error {
	if len(c.AllowedOrigins) == 0 {
		return errors.New("runtime: CORS without an origin in AllowedOrigins")
	}
	for _, origin := range c.AllowedOrigins {
		if origin == "*" {
			if c.AllowCredentials {
				return errors.New("runtime: CORS with AllowCredentials cannot allow all origins: name them in AllowedOrigins")
			}
			continue
		}
		parent := strings.Replace(origin, "://*.", "://", 1)
		u, err := url.Parse(parent)
		if err != nil || u.Hostname() == "" || strings.Contains(parent, "*") || parent != u.Scheme+"://"+u.Host {
			return fmt.Errorf("runtime: CORS: %q is no origin, such as \"https://example.com\" or \"https://*.example.com\"", origin)
		}
	}
	return nil
}

// preflight tells whether a browser asks for permission, which the server answers by itself.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}
