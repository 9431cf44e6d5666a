package httptransport_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// A listener hands its connections to a server.
type listener struct {
	net.Listener
	wg sync.WaitGroup
}

// listen passes what it accepts, wrapped by wrap, to server, and shuts the server down at the end of the test.
func listen(t *testing.T, server *httptransport.Server, wrap func(net.Conn) net.Conn) *listener {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{Listener: ln}
	l.wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			server.ServeConn(wrap(nc))
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		l.wg.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = server.Shutdown(ctx)
	})
	return l
}

func plain(nc net.Conn) net.Conn { return nc }

func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
}

func (l *listener) client(t *testing.T, c *httptransport.Client) *httptransport.Client {
	t.Helper()
	c.Dial, c.Host = l.dial, "localhost"
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// version is a handler that answers with the version of HTTP and the request's body.
func version(w http.ResponseWriter, r *http.Request) {
	httptransport.Serve(w, r, func(_ context.Context, x transport.Exchange) {
		body, _ := io.ReadAll(readerOf(x.Read))
		_ = x.Respond(http.StatusOK, nil)
		x.SetTrailer(transport.Header{"X-End": {"yes"}})
		_, _ = fmt.Fprintf(writerOf(x.Write), "%d %s", x.Request().Major, body)
	})
}

type readerOf func(p []byte) (int, error)

func (f readerOf) Read(p []byte) (int, error) { return f(p) }

type writerOf func(p []byte) (int, error)

func (f writerOf) Write(p []byte) (int, error) { return f(p) }

func post(t *testing.T, c transport.RoundTripper, header transport.Header, body []byte) (int, string, transport.Header, error) {
	t.Helper()
	trip, err := c.Open(t.Context(), &transport.Request{Method: "POST", Path: "/a/b%2Fc", Header: header}, body)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = trip.Close() }()
	if body == nil {
		_, _ = trip.Write([]byte("wri"))
		_, _ = trip.Write([]byte("tten"))
		_ = trip.CloseWrite()
	}
	code, _, err := trip.Response()
	if err != nil {
		return 0, "", nil, err
	}
	res, err := io.ReadAll(readerOf(trip.Read))
	return code, string(res), trip.Trailer(), err
}

func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil) // has a certificate
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

// A prefixed connection replays what was read to find out what it speaks, as a port for all protocols makes them.
type prefixed struct {
	net.Conn
	r *bufio.Reader
}

func (p *prefixed) Read(b []byte) (int, error)           { return p.r.Read(b) }
func (p *prefixed) ConnectionState() tls.ConnectionState { return p.Conn.(*tls.Conn).ConnectionState() }

func TestServer_TellsVersionsApart(t *testing.T) {
	server, client := tlsConfigs(t)
	for _, protocol := range []string{"", "h2", "http/1.1"} {
		config := server.Clone()
		if protocol != "" {
			config.NextProtos = []string{protocol}
		}
		want := 1
		if protocol == "h2" {
			want = 2
		}
		for name, wrap := range map[string]func(net.Conn) net.Conn{
			"TLS":         func(nc net.Conn) net.Conn { return tls.Server(nc, config) },
			"sniffed TLS": func(nc net.Conn) net.Conn { tc := tls.Server(nc, config); return &prefixed{tc, bufio.NewReader(tc)} },
		} {
			l := listen(t, &httptransport.Server{Handler: http.HandlerFunc(version)}, wrap)
			code, got, trailer, err := post(t, l.client(t, &httptransport.Client{TLS: client}), nil, []byte("body"))
			if text := fmt.Sprint(want, " body"); code != 200 || got != text || trailer.Get("X-End") != "yes" || err != nil {
				t.Errorf("%s with protocol %q: got %d %q %q, %v, want %q", name, protocol, code, got, trailer, err, text)
			}
		}
	}
	l := listen(t, &httptransport.Server{Handler: http.HandlerFunc(version)}, plain)
	for want, c := range map[string]*httptransport.Client{"1": {}, "2": {HTTP2: true}} {
		l.client(t, c)
		for body, text := range map[string][]byte{"body": []byte("body"), "": {}, "written": nil} {
			if code, got, _, err := post(t, c, nil, text); code != 200 || got != want+" "+body || err != nil {
				t.Errorf("without TLS: got %d %q, %v, want %q", code, got, err, want+" "+body)
			}
		}
	}
}

func TestServer_RefusesLargeHeaders(t *testing.T) {
	l := listen(t, &httptransport.Server{Handler: http.HandlerFunc(version), Limits: httptransport.Limits{HeaderBytes: 8 << 10}}, plain)
	header := transport.Header{"X-Large": {strings.Repeat("x", 20<<10)}}
	c := l.client(t, &httptransport.Client{})
	if code, _, _, err := post(t, c, header, []byte{}); code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("HTTP/1.1: got %d, %v, want 431", code, err)
	}
	if code, _, _, err := post(t, c, nil, []byte{}); code != 200 {
		t.Errorf("afterwards: got %d, %v, want 200", code, err)
	}
	c = l.client(t, &httptransport.Client{HTTP2: true})
	if code, _, _, err := post(t, c, header, []byte{}); code != http.StatusRequestHeaderFieldsTooLarge && err == nil {
		t.Errorf("HTTP/2: got %d, want 431 or an error", code)
	}
}

func TestClient_RefusesLargeHeaders(t *testing.T) {
	l := listen(t, &httptransport.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range 10 {
			w.Header().Set(fmt.Sprint("X-Large-", i), strings.Repeat("x", 1<<10))
		}
	})}, plain)
	for _, http2 := range []bool{false, true} {
		c := l.client(t, &httptransport.Client{HTTP2: http2, Limits: httptransport.Limits{HeaderBytes: 8 << 10}})
		if _, _, _, err := post(t, c, nil, []byte{}); status.CodeOf(err) != status.ResourceExhausted {
			t.Errorf("HTTP/2 %t: got %v, want a ResourceExhausted error", http2, err)
		}
	}
}

func TestServer_ClosesSilentConnections(t *testing.T) {
	l := listen(t, &httptransport.Server{Handler: http.HandlerFunc(version), Limits: httptransport.Limits{HandshakeTimeout: 50 * time.Millisecond}}, plain)
	for _, sent := range []string{"", "POST / HT", "PRI * HTTP/2.0\r\n"} {
		nc, err := l.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(nc, sent)
		_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, nc); err != nil {
			t.Errorf("after %q: got %v, want the end of the connection", sent, err)
		}
		_ = nc.Close()
	}
}

func TestServer_ClosesConnectionsThatTakeNothing(t *testing.T) {
	ended := make(chan error, 1)
	l := listen(t, &httptransport.Server{
		Limits: httptransport.Limits{WriteTimeout: 100 * time.Millisecond},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			var err error
			for chunk := make([]byte, 1<<20); err == nil; {
				_, err = w.Write(chunk)
			}
			ended <- err
		}),
	}, plain)
	nc, err := l.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = nc.Close() }()
	_, _ = io.WriteString(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-ended; err == nil {
		t.Error("Write to a peer that reads nothing: got no error")
	}
}

func TestServer_ShutdownWaitsForRequests(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		started, proceed := make(chan struct{}), make(chan struct{})
		server := &httptransport.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(started)
			<-proceed
			version(w, r)
		})}
		l := listen(t, server, plain)
		c := l.client(t, &httptransport.Client{HTTP2: http2})
		answered, stopped := make(chan string, 1), make(chan error, 1)
		go func() {
			_, body, _, err := post(t, c, nil, []byte("body"))
			answered <- fmt.Sprint(body, err)
		}()
		<-started
		go func() { stopped <- server.Shutdown(t.Context()) }()
		select {
		case err := <-stopped:
			t.Errorf("Shutdown returned %v while a request ran", err)
		case <-time.NewTimer(50 * time.Millisecond).C:
		}
		close(proceed)
		if got := <-answered; !strings.Contains(got, "body<nil>") {
			t.Errorf("HTTP/2 %t: the running request: got %q, want its body", http2, got)
		}
		if err := <-stopped; err != nil {
			t.Errorf("HTTP/2 %t: Shutdown: %v", http2, err)
		}
		a, b := net.Pipe()
		server.ServeConn(a)
		if _, err := b.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("a connection after Shutdown: got %v, want io.EOF", err)
		}
	}
}

func TestServer_ShutdownEndsRequests(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		started, ended := make(chan struct{}), make(chan error, 1)
		server := &httptransport.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(started)
			<-r.Context().Done()
			ended <- r.Context().Err()
		})}
		l := listen(t, server, plain)
		c := l.client(t, &httptransport.Client{HTTP2: http2})
		answered := make(chan error, 1)
		go func() {
			_, _, _, err := post(t, c, nil, []byte{})
			answered <- err
		}()
		<-started
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: got %v, want context.DeadlineExceeded", err)
		}
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the handler's context: got %v, want context.Canceled", err)
			}
		default:
			t.Error("Shutdown returned before the handler")
		}
		if err := <-answered; err == nil {
			t.Error("the request: got no error")
		}
	}
}

func TestServe_EarlyEndLeavesNothingBehind(t *testing.T) {
	l := listen(t, &httptransport.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httptransport.Serve(w, r, func(_ context.Context, x transport.Exchange) {
			_ = x.Respond(http.StatusOK, nil)
			_, _ = x.Write([]byte("done"))
		})
	})}, plain)
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, rest := range []string{
		"1\r\nx\r\n0\r\n\r\n",    // all that is left, at once
		"fffffff\r\n" + smuggled, // a body that does not end
	} {
		nc, err := l.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = nc.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"+rest)
		r := bufio.NewReader(nc)
		for i := range 2 {
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				if strings.Contains(rest, smuggled) && i == 1 {
					break // the connection was closed, as it must be
				}
				t.Fatalf("response %d after %q: %v", i, rest, err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if string(body) != "done" || strings.Contains(rest, smuggled) && i == 1 {
				t.Errorf("response %d after %q: got %q", i, rest, body)
			}
			if i == 0 {
				_, _ = io.WriteString(nc, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
			}
		}
		_ = nc.Close()
	}
}

func TestClient_UsesTheGivenRoundTripper(t *testing.T) {
	var got *http.Request
	c := &httptransport.Client{Host: "example.com", TLS: &tls.Config{}, RoundTripper: roundTripper(func(r *http.Request) (*http.Response, error) {
		got = r
		return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
	})}
	if code, _, _, err := post(t, c, nil, []byte("x")); code != http.StatusNoContent || err != nil {
		t.Errorf("got %d, %v, want 204", code, err)
	}
	if got.URL.String() != "https://example.com/a/b%2Fc" || got.ContentLength != 1 {
		t.Errorf("request: got %s with %d bytes", got.URL, got.ContentLength)
	}
}

type roundTripper func(r *http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClient_CloseEndsDialing(t *testing.T) {
	dialing := make(chan struct{})
	c := &httptransport.Client{Host: "localhost", Dial: func(ctx context.Context) (net.Conn, error) {
		close(dialing)
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	opened := make(chan error, 1)
	go func() {
		_, err := c.Open(t.Context(), &transport.Request{Method: "POST", Path: "/"}, nil)
		opened <- err
	}()
	<-dialing
	_ = c.Close()
	err := <-opened
	if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
		t.Errorf("Open: got %v, want a *net.OpError of a dial", err)
	}
}
