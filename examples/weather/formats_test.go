package weather_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/bsonrpc"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/codec/msgpackrpc"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/examples/weather"
	"github.com/protomicro/micro/examples/weather/weatherv1"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
)

// serve runs the station of the example on a free port and returns "host:port".
func serve(t *testing.T) string {
	t.Helper()
	server := &runtime.Server{}
	weatherv1.RegisterWeatherServer(server, weather.New())
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	service := &runtime.Service{
		Name: "weather", Addrs: []string{"tcp://127.0.0.1:0"}, Server: server, OnReady: func(addrs []string) { ready <- addrs[0] },
	}
	go func() { ended <- service.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case addr := <-ready:
		return strings.TrimPrefix(addr, "tcp://")
	case err := <-ended:
		t.Fatal(err)
		return ""
	}
}

// TestStation_AnswersEveryFormat calls one handler on one port as eight kinds of clients do.
func TestStation_AnswersEveryFormat(t *testing.T) {
	addr := serve(t)
	for _, row := range []struct {
		scheme string
		format codec.Format
	}{
		{"tcp://", protorpc.Format{}},
		{"tcp://", jsonrpc.Format{}},
		{"tcp://", bsonrpc.Format{}},
		{"tcp://", msgpackrpc.Format{}},
		{"h2c://", grpcformat.Format{}},
		{"h2c://", grpcformat.Web{}},
		{"h2c://", grpcformat.Web{Text: true}},
		{"h2c://", connectformat.Format{}},
	} {
		t.Run(row.format.Name(), func(t *testing.T) {
			client := &runtime.Client{Addrs: []string{row.scheme + addr}, Format: row.format}
			defer func() { _ = client.Close() }()
			allKinds(t, weatherv1.NewWeatherClient(client))
		})
	}
	t.Run("rest", func(t *testing.T) {
		if got, code := get(t, "http://"+addr+"/v1/weather/Oslo"); code != 200 || !strings.Contains(got, `"celsius":-3`) {
			t.Errorf("got %d, %s", code, got)
		}
		if got, code := get(t, "http://"+addr+"/v1/weather/Atlantis"); code != 404 || !strings.Contains(got, "Atlantis") {
			t.Errorf("got %d, %s", code, got)
		}
		if got, code := get(t, "http://"+addr+"/v1/weather/Oslo/reports?reports=1"); code != 200 || strings.Count(got, "Oslo") != 1 {
			t.Errorf("got %d, %s", code, got)
		}
	})
}

func allKinds(t *testing.T, client *weatherv1.WeatherClient) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	report, err := client.Get(ctx, &weatherv1.GetRequest{City: "Oslo"})
	if err != nil || report.GetCelsius() != -3 {
		t.Errorf("Get: %v, %v", report, err)
	}
	if _, err := client.Get(ctx, &weatherv1.GetRequest{City: "Atlantis"}); status.CodeOf(err) != status.NotFound {
		t.Errorf("Get: %v, want NotFound", err)
	}
	samples, err := client.Record(ctx)
	if err != nil {
		t.Fatalf("Record: %v", err)
	}
	for _, celsius := range []float64{18, 20, 22} {
		if err := samples.Send(&weatherv1.Sample{City: "Lisbon", Celsius: celsius}); err != nil {
			t.Errorf("Send: %v", err)
		}
	}
	if summary, err := samples.Finish(); err != nil || summary.GetAverageCelsius() != 20 || summary.GetSamples() != 3 {
		t.Errorf("Record: %v, %v", summary, err)
	}
	reports, err := client.Watch(ctx, &weatherv1.WatchRequest{City: "Lisbon", Reports: 1})
	if err != nil {
		t.Fatalf("Watch: %v", err)
	}
	n := 0
	for report, err := range reports.All() {
		if n++; err != nil || report.GetCelsius() != 22 {
			t.Errorf("Watch: %v, %v", report, err)
		}
	}
	if n != 1 {
		t.Errorf("Watch: %d reports", n)
	}
	notes, err := client.Chat(ctx)
	if err != nil {
		t.Fatalf("Chat: %v", err)
	}
	for _, text := range []string{"one", "two"} {
		if err := notes.Send(&weatherv1.Note{Text: text}); err != nil {
			t.Errorf("Send: %v", err)
		}
		if note, err := notes.Recv(); err != nil || !strings.HasSuffix(note.GetText(), text) {
			t.Errorf("Chat: %v, %v", note, err)
		}
	}
	if err := notes.Finish(); err != nil {
		t.Errorf("Finish: %v", err)
	}
	if _, err := notes.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("Chat: %v, want the end", err)
	}
}

func get(t *testing.T, url string) (string, int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), res.StatusCode
}
