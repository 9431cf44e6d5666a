// Package fourkinds_test calls the generated code of the golden folder fourkinds. It is not part of the generator's tests,
// so that those can rewrite golden files that do not compile.
package fourkinds_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/status"
	weatherv1 "github.com/protomicro/micro/testdata/fourkinds/weather/v1"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// station implements the service of the golden folder fourkinds.
type station struct{}

func (station) Get(_ context.Context, req *weatherv1.GetRequest) (*weatherv1.Report, error) {
	if req.GetCity() == "Atlantis" {
		return nil, status.Errorf(status.NotFound, "no city named %s", req.GetCity())
	}
	return &weatherv1.Report{City: req.GetCity(), Celsius: 21}, nil
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
	summary := new(weatherv1.Summary)
	for sample, err := range samples.All() {
		if err != nil {
			return nil, err
		}
		summary.Samples++
		summary.MeanCelsius += sample.GetCelsius()
	}
	summary.MeanCelsius /= float64(summary.GetSamples())
	return summary, nil
}

func (station) Chat(_ context.Context, notes *runtime.Stream[weatherv1.Note, weatherv1.Note]) error {
	for note, err := range notes.All() {
		if err != nil {
			return err
		}
		if err := notes.Send(&weatherv1.Note{Author: "echo", Text: strings.ToUpper(note.GetText())}); err != nil {
			return err
		}
	}
	return nil
}

// newWeather returns a generated client of a generated server.
func newWeather(t *testing.T) *weatherv1.WeatherClient {
	server := &runtime.Server{}
	weatherv1.RegisterWeatherServer(server, station{})
	client := runtime.Local(server)
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return weatherv1.NewWeatherClient(client)
}

func TestFourKinds_Unary(t *testing.T) {
	weather := newWeather(t)
	report, err := weather.Get(t.Context(), &weatherv1.GetRequest{City: "Lima"})
	if err != nil || report.GetCity() != "Lima" || report.GetCelsius() != 21 {
		t.Errorf("Get = %v, %v", report, err)
	}
	report, err = weather.Get(t.Context(), &weatherv1.GetRequest{City: "Atlantis"})
	if report != nil || status.CodeOf(err) != status.NotFound {
		t.Errorf("Get of a city that is not there = %v, %v", report, err)
	}
}

func TestFourKinds_ServerStream(t *testing.T) {
	reports, err := newWeather(t).Watch(t.Context(), &weatherv1.WatchRequest{City: "Lima"})
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for report, err := range reports.All() {
		if err != nil || report.GetCity() != "Lima" {
			t.Fatal(report, err)
		}
		sum += 1 + report.GetCelsius()
	}
	if sum != 1+2+3 {
		t.Errorf("the reports add up to %v", sum)
	}
}

func TestFourKinds_ClientStream(t *testing.T) {
	samples, err := newWeather(t).Record(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, celsius := range []float64{1, 2, 6} {
		if err := samples.Send(&weatherv1.Sample{Celsius: celsius}); err != nil {
			t.Fatal(err)
		}
	}
	summary, err := samples.Finish()
	if err != nil || summary.GetSamples() != 3 || summary.GetMeanCelsius() != 3 {
		t.Errorf("Finish = %v, %v", summary, err)
	}
}

func TestFourKinds_BidiStream(t *testing.T) {
	notes, err := newWeather(t).Chat(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"storm", "calm"} {
		if err := notes.Send(&weatherv1.Note{Text: text}); err != nil {
			t.Fatal(err)
		}
		note, err := notes.Recv()
		if err != nil || note.GetText() != strings.ToUpper(text) {
			t.Fatalf("Recv = %v, %v", note, err)
		}
	}
	if err := notes.Finish(); err != nil {
		t.Error(err)
	}
	if note, err := notes.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("Recv at the end = %v, %v", note, err)
	}
}
