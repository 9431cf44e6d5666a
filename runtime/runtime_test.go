package runtime_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// A station answers from fixed data; a field that is set takes the place of a method.
type station struct {
	get func(context.Context, *weatherv1.GetRequest) (*weatherv1.Report, error)
}

func (s station) Get(ctx context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
	if s.get != nil {
		return s.get(ctx, req)
	}
	return &weatherv1.Report{City: req.GetCity(), Celsius: 7}, nil
}

func (station) Watch(_ context.Context, req *weatherv1.WatchRequest, reports *runtime.Sender[weatherv1.Report]) error {
	for i := range 3 {
		if err := reports.Send(&weatherv1.Report{City: req.GetCity(), Celsius: float64(i)}); err != nil {
			return err
		}
	}
	return nil
}

func (station) Record(_ context.Context, samples *runtime.Receiver[weatherv1.Sample]) (*weatherv1.Summary, error) {
	sum := &weatherv1.Summary{}
	for _, err := range samples.All() {
		if err != nil {
			return nil, err
		}
		sum.Samples++
	}
	return sum, nil
}

func (station) Chat(_ context.Context, notes *runtime.Stream[weatherv1.Note, weatherv1.Note]) error {
	for note, err := range notes.All() {
		if err != nil {
			return err
		}
		if err := notes.Send(note); err != nil {
			return err
		}
	}
	return nil
}

// serve runs a server on a port of the loopback interface until the test ends, and returns "127.0.0.1:port".
func serve(t *testing.T, s *runtime.Server, impl weatherv1.WeatherServer) string {
	t.Helper()
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	weatherv1.RegisterWeatherServer(s, impl)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// dial returns a client of one address that ends with the test.
func dial(t *testing.T, addr string) (*weatherv1.WeatherClient, *runtime.Client) {
	t.Helper()
	return use(t, &runtime.Client{Addrs: []string{addr}})
}

func use(t *testing.T, c *runtime.Client) (*weatherv1.WeatherClient, *runtime.Client) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return weatherv1.NewWeatherClient(c), c
}

// certs returns the configuration of a server whose certificate is for 127.0.0.1, and that of clients that trust it.
func certs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: roots}
}

// fourKinds makes a call of each kind.
func fourKinds(t *testing.T, w *weatherv1.WeatherClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	report, err := w.Get(ctx, &weatherv1.GetRequest{City: "Oslo"})
	if err != nil || report.GetCity() != "Oslo" || report.GetCelsius() != 7 {
		t.Errorf("Get: %v, %v", report, err)
	}
	reports, err := w.Watch(ctx, &weatherv1.WatchRequest{City: "Oslo"})
	if err != nil {
		t.Fatalf("Watch: %v", err)
	}
	n := 0
	for report, err := range reports.All() {
		if err != nil || report.GetCelsius() != float64(n) {
			t.Fatalf("Watch: report %d is %v, %v", n, report, err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("Watch: %d reports, want 3", n)
	}
	samples, err := w.Record(ctx)
	if err != nil {
		t.Fatalf("Record: %v", err)
	}
	for i := range 5 {
		if err := samples.Send(&weatherv1.Sample{Celsius: float64(i)}); err != nil {
			t.Fatalf("Record: Send: %v", err)
		}
	}
	if sum, err := samples.Finish(); err != nil || sum.GetSamples() != 5 {
		t.Errorf("Record: %v, %v; want 5 samples", sum, err)
	}
	notes, err := w.Chat(ctx)
	if err != nil {
		t.Fatalf("Chat: %v", err)
	}
	for _, text := range []string{"one", "two"} {
		if err := notes.Send(&weatherv1.Note{Text: text}); err != nil {
			t.Fatalf("Chat: Send: %v", err)
		}
	}
	if err := notes.Finish(); err != nil {
		t.Errorf("Chat: Finish: %v", err)
	}
	for _, want := range []string{"one", "two"} {
		if note, err := notes.Recv(); err != nil || note.GetText() != want {
			t.Errorf("Chat: got %v, %v; want %q", note, err, want)
		}
	}
	if _, err := notes.Recv(); err != io.EOF {
		t.Errorf("Chat: got %v at the end, want io.EOF", err)
	}
}

func wantCode(t *testing.T, what string, err error, want status.Code) {
	t.Helper()
	if got := status.CodeOf(err); got != want {
		t.Errorf("%s: got %v (%v), want %v", what, got, err, want)
	}
}

// logged collects what is logged.
type logged struct {
	mu   sync.Mutex // guards below
	text []byte
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	return len(p), nil
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}
