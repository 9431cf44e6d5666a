package runtime_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
	"github.com/protomicro/micro/transport/unixtransport"
)

func TestServer_AnswersEveryProtocolOnOnePort(t *testing.T) {
	serverTLS, clientTLS := certs(t)
	addr := serve(t, &runtime.Server{TLS: serverTLS, Plaintext: true}, station{})
	for name, c := range map[string]*runtime.Client{
		"PROTO-RPC":          {Addrs: []string{"tcp://" + addr}},
		"PROTO-RPC, JSON":    {Addrs: []string{"tcp://" + addr}, Codec: jsoncodec.Codec{}},
		"PROTO-RPC, TLS":     {Addrs: []string{"tls://" + addr}, TLS: clientTLS},
		"Connect, HTTP/1.1":  {Addrs: []string{"http://" + addr}},
		"Connect, h2c":       {Addrs: []string{"h2c://" + addr}},
		"Connect, JSON":      {Addrs: []string{"h2c://" + addr}, Codec: jsoncodec.Codec{}},
		"Connect, TLS, h2":   {Addrs: []string{"https://" + addr}, TLS: clientTLS},
		"Connect over tcp":   {Addrs: []string{"tcp://" + addr}, Format: connectformat.Format{}},
		"with TLS set, tcp:": {Addrs: []string{"tcp://" + addr}, TLS: clientTLS},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := use(t, c)
			fourKinds(t, w)
		})
	}
}

func TestServer_RefusesPlaintextBesideTLS(t *testing.T) {
	serverTLS, clientTLS := certs(t)
	addr := serve(t, &runtime.Server{TLS: serverTLS}, station{})
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		w, _ := dial(t, scheme+addr)
		_, err := w.Get(t.Context(), &weatherv1.GetRequest{})
		wantCode(t, scheme, err, status.Unavailable)
	}
	w, _ := use(t, &runtime.Client{Addrs: []string{"tls://" + addr}, TLS: clientTLS})
	fourKinds(t, w)
}

func TestClient_VerifiesTLSByDefault(t *testing.T) {
	serverTLS, _ := certs(t)
	addr := serve(t, &runtime.Server{TLS: serverTLS}, station{})
	for _, scheme := range []string{"tls://", "https://"} {
		w, _ := dial(t, scheme+addr)
		_, err := w.Get(t.Context(), &weatherv1.GetRequest{})
		wantCode(t, scheme, err, status.Unavailable)
		if err != nil && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v does not speak of the certificate", scheme, err)
		}
	}
}

func TestServer_ClosesConnectionsThatAreSilentOrMakeNoSense(t *testing.T) {
	addr := serve(t, &runtime.Server{Limits: codec.Limits{HandshakeTimeout: 100 * time.Millisecond}}, station{})
	for name, input := range map[string]string{
		"silent": "", "garbage": "\x00\x01\x02\x03 nonsense", "half a preface": "\x89PRP", "half a request": "POST / HT", "TLS": "\x16\x03\x01\x00\x05\x01\x00",
	} {
		t.Run(name, func(t *testing.T) {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = nc.Close() }()
			if _, err := io.WriteString(nc, input); err != nil {
				t.Fatal(err)
			}
			_ = nc.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.Copy(io.Discard, nc); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Errorf("the connection is still open")
			}
		})
	}
	w, _ := dial(t, "tcp://"+addr)
	fourKinds(t, w)
}

func isTimeout(err error) bool {
	ne, ok := errors.AsType[net.Error](err)
	return ok && ne.Timeout()
}

func TestServer_ReportsWhatIsNotServed(t *testing.T) {
	addr := serve(t, &runtime.Server{}, station{})
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		_, c := dial(t, scheme+addr)
		for name, want := range map[string]string{"weather.v1.Weather/Fly": "no method \"Fly\"", "a.B/C": "service \"a.B\""} {
			err := c.Invoke(t.Context(), &runtime.Method{Name: name}, &weatherv1.GetRequest{}, &weatherv1.Report{})
			wantCode(t, scheme+name, err, status.Unimplemented)
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s%s: %v does not say %q", scheme, name, err, want)
			}
		}
		err := c.Invoke(t.Context(), &runtime.Method{Name: "weather.v1.Weather/Watch"}, &weatherv1.WatchRequest{}, &weatherv1.Report{})
		wantCode(t, scheme+"unary call of a stream", err, status.Unimplemented)
	}
}

func TestServer_MakesOfABadHandlerAnError(t *testing.T) {
	log := &logged{}
	s := &runtime.Server{Log: slog.New(slog.NewTextHandler(log, nil))}
	addr := serve(t, s, station{get: func(_ context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
		switch req.GetCity() {
		case "panic":
			panic("secret")
		case "ok":
			return nil, &status.Error{Code: status.OK}
		case "error":
			return nil, errors.New("out of thermometers")
		case "utf8":
			return &weatherv1.Report{City: "\xff"}, nil
		}
		return nil, nil
	}})
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		w, _ := dial(t, scheme+addr)
		for city, want := range map[string]status.Code{
			"panic": status.Internal, "ok": status.Internal, "error": status.Unknown, "utf8": status.Internal, "nil, nil": status.Internal,
		} {
			_, err := w.Get(t.Context(), &weatherv1.GetRequest{City: city})
			wantCode(t, scheme+city, err, want)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the peer reads the panic: %v", err)
			}
		}
	}
	if text := log.String(); !strings.Contains(text, "secret") || !strings.Contains(text, "server_test.go") {
		t.Errorf("the log has no stack of the panic: %s", text)
	}
}

func TestServer_RefusesTwoHandlersForOneMethod(t *testing.T) {
	s := &runtime.Server{}
	weatherv1.RegisterWeatherServer(s, station{})
	weatherv1.RegisterWeatherServer(s, station{})
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "weather.v1.Weather/Get") {
		t.Errorf("Serve: got %v, want an error that names the method", err)
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, httptest.NewRequest("POST", "/weather.v1.Weather/Get", strings.NewReader("{}")))
	if rec.Code != 500 {
		t.Errorf("ServeHTTP: got status %d", rec.Code)
	}
}

func TestServer_IsAnHTTPHandler(t *testing.T) {
	s := &runtime.Server{}
	weatherv1.RegisterWeatherServer(s, station{})
	web := httptest.NewServer(s)
	defer web.Close()
	w, _ := dial(t, web.URL)
	fourKinds(t, w)

	res, err := web.Client().Post(web.URL+"/weather.v1.Weather/Get", "text/css", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != 415 || !strings.Contains(string(body), "text/css") {
		t.Errorf("a wrong content type: got %d, %s", res.StatusCode, body)
	}
}

func TestServer_RunsMiddlewareAroundEveryKind(t *testing.T) {
	var order []string
	around := func(name string) func(runtime.Handler) runtime.Handler {
		return func(next runtime.Handler) runtime.Handler {
			inner := next.Serve
			next.Serve = func(ctx context.Context, s codec.Stream) (any, error) {
				order = append(order, name+" "+next.Kind.String())
				return inner(ctx, s)
			}
			return next
		}
	}
	s := &runtime.Server{Middleware: []func(runtime.Handler) runtime.Handler{around("outer"), around("inner")}}
	weatherv1.RegisterWeatherServer(s, station{})
	c := runtime.Local(s)
	fourKinds(t, weatherv1.NewWeatherClient(c))
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	want := "outer unary, inner unary, outer server stream, inner server stream, outer client stream, inner client stream, outer bidi stream, inner bidi stream"
	if got := strings.Join(order, ", "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestServer_DrainsRunningCalls(t *testing.T) {
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		t.Run(scheme, func(t *testing.T) {
			began, end := make(chan struct{}), make(chan struct{})
			s := &runtime.Server{Log: slog.New(slog.DiscardHandler)}
			weatherv1.RegisterWeatherServer(s, station{get: func(context.Context, *weatherv1.GetRequest) (*weatherv1.Report, error) {
				close(began)
				<-end
				return &weatherv1.Report{City: "late"}, nil
			}})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			served := make(chan error, 1)
			go func() { served <- s.Serve(ctx, l) }()
			w, _ := dial(t, scheme+l.Addr().String())
			answered := make(chan error, 1)
			go func() {
				report, err := w.Get(context.Background(), &weatherv1.GetRequest{})
				if err == nil && report.GetCity() != "late" {
					err = errors.New("another report")
				}
				answered <- err
			}()
			<-began
			cancel()
			for { // until the server takes no further connection
				nc, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					break
				}
				_ = nc.Close()
			}
			close(end)
			if err := <-answered; err != nil {
				t.Errorf("the running call: %v", err)
			}
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
}

func TestServer_CancelsCallsAtTheEndOfTheDrainTimeout(t *testing.T) {
	for _, scheme := range []string{"tcp://", "http://", "h2c://"} {
		t.Run(scheme, func(t *testing.T) {
			began := make(chan struct{})
			s := &runtime.Server{Log: slog.New(slog.DiscardHandler), DrainTimeout: 50 * time.Millisecond}
			weatherv1.RegisterWeatherServer(s, station{get: func(ctx context.Context, _ *weatherv1.GetRequest) (*weatherv1.Report, error) {
				close(began)
				<-ctx.Done()
				return nil, ctx.Err()
			}})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			served := make(chan error, 1)
			go func() { served <- s.Serve(ctx, l) }()
			w, _ := dial(t, scheme+l.Addr().String())
			answered := make(chan error, 1)
			go func() {
				_, err := w.Get(context.Background(), &weatherv1.GetRequest{})
				answered <- err
			}()
			<-began
			cancel()
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
			if err := <-answered; status.CodeOf(err) != status.Unavailable && status.CodeOf(err) != status.Canceled {
				t.Errorf("the call: %v", err)
			}
		})
	}
}

func TestServer_ServesTLSOverEveryTransport(t *testing.T) {
	serverTLS, clientTLS := certs(t)
	clientTLS.ServerName = "example.com" // a path or a name within the process is none
	network := memtransport.New()
	for _, tr := range []struct {
		transport.Transport
		addr string
	}{{network, "weather"}, {unixtransport.Transport{}, filepath.Join(t.TempDir(), "socket")}} {
		s := &runtime.Server{TLS: serverTLS, Log: slog.New(slog.DiscardHandler)}
		weatherv1.RegisterWeatherServer(s, station{})
		l, err := tr.Listen(t.Context(), tr.addr)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, l) }()
		addr := tr.Scheme() + "://" + tr.addr
		for _, format := range []codec.Format{nil, connectformat.Format{}} {
			c := &runtime.Client{Addrs: []string{addr}, TLS: clientTLS, Format: format, Transports: []transport.Transport{network}}
			fourKinds(t, weatherv1.NewWeatherClient(c))
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}
