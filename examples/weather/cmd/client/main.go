// Command client calls every method of weather.v1.Weather.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/bsonrpc"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/codec/jsonrpc"
	"github.com/protomicro/micro/codec/msgpackrpc"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/examples/weather/weatherv1"
	"github.com/protomicro/micro/runtime"
)

func main() {
	addr := flag.String("addr", "tcp://127.0.0.1:8080", "where the server is; http:// for the formats over HTTP")
	name := flag.String("format", "", "protorpc, jsonrpc, bsonrpc, msgpackrpc, grpc, grpcweb or connect; default by the address")
	flag.Parse()
	format, err := find(*name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	client := &runtime.Client{Addrs: []string{*addr}, Format: format}
	err = call(weatherv1.NewWeatherClient(client))
	if cerr := client.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// find returns the format called name, and nil for "".
func find(name string) (codec.Format, error) {
	for _, format := range []codec.Format{
		protorpc.Format{},
		jsonrpc.Format{},
		bsonrpc.Format{},
		msgpackrpc.Format{},
		grpcformat.Format{},
		grpcformat.Web{},
		connectformat.Format{},
	} {
		if format.Name() == name {
			return format, nil
		}
	}
	if name != "" {
		return nil, fmt.Errorf("there is no format %q: try -help", name)
	}
	return nil, nil //nolint:nilnil // the client chooses
}

func call(weather *weatherv1.WeatherClient) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	// Unary: one request, one response.
	report, err := weather.Get(ctx, &weatherv1.GetRequest{City: "Oslo"})
	if err != nil {
		return err
	}
	fmt.Printf("Get:    %s is %s at %g°C\n", report.GetCity(), report.GetSummary(), report.GetCelsius())

	// An error has a code, and arrives as it was sent.
	_, err = weather.Get(ctx, &weatherv1.GetRequest{City: "Atlantis"})
	fmt.Printf("Get:    Atlantis: %v\n", err)

	// Client stream: many requests, one response.
	samples, err := weather.Record(ctx)
	if err != nil {
		return err
	}
	for _, celsius := range []float64{18, 20, 22} {
		if err := samples.Send(&weatherv1.Sample{City: "Lisbon", Celsius: celsius}); err != nil {
			break // Finish tells why
		}
	}
	summary, err := samples.Finish()
	if err != nil {
		return err
	}
	fmt.Printf("Record: %d samples, %g°C on average\n", summary.GetSamples(), summary.GetAverageCelsius())

	// Server stream: one request, many responses.
	reports, err := weather.Watch(ctx, &weatherv1.WatchRequest{City: "Lisbon", Reports: 1})
	if err != nil {
		return err
	}
	for report, err := range reports.All() {
		if err != nil {
			return err
		}
		fmt.Printf("Watch:  %s is %s at %g°C\n", report.GetCity(), report.GetSummary(), report.GetCelsius())
	}

	// Bidi stream: both sides send at will.
	notes, err := weather.Chat(ctx)
	if err != nil {
		return err
	}
	if err := notes.Send(&weatherv1.Note{Text: "good morning"}); err != nil && err != io.EOF { // io.EOF: Recv tells why
		return err
	}
	if err := notes.Finish(); err != nil && err != io.EOF {
		return err
	}
	for note, err := range notes.All() {
		if err != nil {
			return err
		}
		fmt.Printf("Chat:   %s\n", note.GetText())
	}
	return nil
}
