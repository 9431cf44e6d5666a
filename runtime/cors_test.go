package runtime_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/runtime"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
)

// corsOf sends a request as a browser would for a page of origin, and returns the status and what the browser goes by.
func corsOf(t *testing.T, c *runtime.CORS, method, origin string, header map[string]string) (int, map[string]string) {
	t.Helper()
	s := &runtime.Server{CORS: c}
	weatherv1.RegisterWeatherServer(s, station{get: func(context.Context, *weatherv1.GetRequest) (*weatherv1.Report, error) {
		if method == http.MethodOptions {
			t.Error("a preflight has reached the handler")
		}
		return &weatherv1.Report{}, nil
	}})
	req := httptest.NewRequestWithContext(t.Context(), method, "/weather.v1.Weather/Get", strings.NewReader("{}"))
	req.Header.Set("Content-Type", "application/json")
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	for key, value := range header {
		req.Header.Set(key, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	got := make(map[string]string)
	for key, values := range w.Header() {
		if key == "Vary" || strings.HasPrefix(key, "Access-Control-") {
			got[strings.TrimPrefix(key, "Access-Control-")] = strings.Join(values, ", ")
		}
	}
	return w.Code, got
}

func asks(method string) map[string]string {
	return map[string]string{
		"Access-Control-Request-Method":  method,
		"Access-Control-Request-Headers": "connect-protocol-version,content-type,x-request-id",
	}
}

func TestCORS_LetsThroughWhatIsAllowed(t *testing.T) {
	const refused = 0 // by whatever status a format has for it
	const asked, vary = "connect-protocol-version,content-type,x-request-id", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
	page := &runtime.CORS{AllowedOrigins: []string{"http://localhost:3000", "https://a.example.com"}}
	family := &runtime.CORS{AllowedOrigins: []string{"https://*.example.com"}}
	all := &runtime.CORS{AllowedOrigins: []string{"*"}}
	cookies := &runtime.CORS{
		AllowedOrigins: []string{"https://a.example.com"}, AllowCredentials: true, ExposedMeta: []string{"x-request-id"}, MaxAge: time.Hour,
	}
	type headers = map[string]string
	for name, c := range map[string]struct {
		cors           *runtime.CORS
		method, origin string
		header         headers
		code           int
		want           headers
	}{
		"off":        {nil, "POST", "https://a.example.com", nil, 200, headers{}},
		"off, asked": {nil, "OPTIONS", "https://a.example.com", asks("POST"), refused, headers{}},
		"no browser": {page, "POST", "", nil, 200, headers{"Vary": "Origin"}},
		"page":       {page, "POST", "https://a.example.com", nil, 200, headers{"Vary": "Origin", "Allow-Origin": "https://a.example.com", "Expose-Headers": "*"}},
		"page, an error": {page, "POST", "http://localhost:3000", headers{"Content-Type": "text/plain"}, 415, headers{
			"Vary": "Origin", "Allow-Origin": "http://localhost:3000", "Expose-Headers": "*",
		}},
		"page, asked": {page, "OPTIONS", "https://a.example.com", asks("POST"), 204, headers{
			"Vary": vary, "Allow-Origin": "https://a.example.com", "Allow-Methods": "POST", "Allow-Headers": asked, "Max-Age": "600",
		}},
		"page, asked for GET": {page, "OPTIONS", "http://localhost:3000", headers{"Access-Control-Request-Method": "GET"}, 204, headers{
			"Vary": vary, "Allow-Origin": "http://localhost:3000", "Allow-Methods": "GET", "Max-Age": "600",
		}},
		"another method":      {page, "OPTIONS", "https://a.example.com", asks("TRACE"), 204, headers{"Vary": vary}},
		"another page":        {page, "POST", "https://b.example.com", nil, 200, headers{"Vary": "Origin"}},
		"another page, asked": {page, "OPTIONS", "https://b.example.com", asks("POST"), 204, headers{"Vary": vary}},
		"another port":        {page, "OPTIONS", "http://localhost:3001", asks("POST"), 204, headers{"Vary": vary}},
		"another scheme":      {page, "OPTIONS", "http://a.example.com", asks("POST"), 204, headers{"Vary": vary}},
		"no origin, asked":    {page, "OPTIONS", "", asks("POST"), 204, headers{"Vary": vary}},
		"an opaque origin":    {page, "POST", "null", nil, 200, headers{"Vary": "Origin"}},
		"family": {family, "POST", "https://b.c.example.com", nil, 200, headers{
			"Vary": "Origin", "Allow-Origin": "https://b.c.example.com", "Expose-Headers": "*",
		}},
		"not of the family":     {family, "POST", "https://example.com", nil, 200, headers{"Vary": "Origin"}},
		"a stranger's name":     {family, "POST", "https://evilexample.com", nil, 200, headers{"Vary": "Origin"}},
		"a stranger's domain":   {family, "POST", "https://a.example.com.evil.com", nil, 200, headers{"Vary": "Origin"}},
		"the family, unsecured": {family, "POST", "http://a.example.com", nil, 200, headers{"Vary": "Origin"}},
		"all":                   {all, "POST", "https://evil.com", nil, 200, headers{"Vary": "Origin", "Allow-Origin": "*", "Expose-Headers": "*"}},
		"all, asked": {all, "OPTIONS", "null", asks("POST"), 204, headers{
			"Vary": vary, "Allow-Origin": "*", "Allow-Methods": "POST", "Allow-Headers": asked, "Max-Age": "600",
		}},
		"cookies": {cookies, "POST", "https://a.example.com", nil, 200, headers{
			"Vary": "Origin", "Allow-Origin": "https://a.example.com", "Allow-Credentials": "true",
			"Expose-Headers": "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, Grpc-Encoding, Grpc-Accept-Encoding, " +
				"Connect-Content-Encoding, Connect-Accept-Encoding, Content-Encoding, X-Request-Id, Trailer-X-Request-Id",
		}},
		"cookies, asked": {cookies, "OPTIONS", "https://a.example.com", asks("POST"), 204, headers{
			"Vary": vary, "Allow-Origin": "https://a.example.com", "Allow-Credentials": "true",
			"Allow-Methods": "POST", "Allow-Headers": asked, "Max-Age": "3600",
		}},
		"cookies of another page": {cookies, "POST", "https://evil.com", nil, 200, headers{"Vary": "Origin"}},
	} {
		code, got := corsOf(t, c.cors, c.method, c.origin, c.header)
		if diff := cmp.Diff(c.want, got); diff != "" || code != c.code && (c.code != refused || code < 400) {
			t.Errorf("%s: status %d, want %d (-want +got):\n%s", name, code, c.code, diff)
		}
	}
}

func TestCORS_ThatCannotBeIsAnErrorOfServe(t *testing.T) {
	for name, c := range map[string]struct {
		cors runtime.CORS
		want string
	}{
		"no origin":            {runtime.CORS{}, "AllowedOrigins"},
		"cookies for all":      {runtime.CORS{AllowedOrigins: []string{"https://a.example.com", "*"}, AllowCredentials: true}, "AllowCredentials"},
		"a path":               {runtime.CORS{AllowedOrigins: []string{"https://example.com/"}}, "https://example.com/"},
		"no scheme":            {runtime.CORS{AllowedOrigins: []string{"example.com"}}, "example.com"},
		"no host":              {runtime.CORS{AllowedOrigins: []string{"https://"}}, "https://"},
		"a user":               {runtime.CORS{AllowedOrigins: []string{"https://me@example.com"}}, "me@"},
		"a star in a name":     {runtime.CORS{AllowedOrigins: []string{"https://a*.example.com"}}, "a*."},
		"a star for a top":     {runtime.CORS{AllowedOrigins: []string{"https://example.*"}}, "example.*"},
		"two stars":            {runtime.CORS{AllowedOrigins: []string{"https://*.*.example.com"}}, "*.*"},
		"a star and no domain": {runtime.CORS{AllowedOrigins: []string{"https://*."}}, "https://*."},
		"a star for a scheme":  {runtime.CORS{AllowedOrigins: []string{"*://example.com"}}, "*://"},
	} {
		s := &runtime.Server{CORS: &c.cors}
		if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Serve: got %v, want an error that says %q", name, err, c.want)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
		if w.Code != http.StatusInternalServerError {
			t.Errorf("%s: ServeHTTP: status %d", name, w.Code)
		}
	}
}
