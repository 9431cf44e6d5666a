package suite_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/conformance/internal/suite"
	"github.com/protomicro/micro/status"
	"google.golang.org/protobuf/testing/protocmp"
)

func TestRead_WhatWriteWrites(t *testing.T) {
	var pipe bytes.Buffer
	want := []*conformancev1.Header{{Name: "a", Value: []string{"1", "2"}}, {}}
	for _, msg := range want {
		if err := suite.Write(&pipe, msg); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := pipe.Bytes()[:4], []byte{0, 0, 0, 9}; !bytes.Equal(got, want) {
		t.Errorf("the length of the first message is written as %v, want %v", got, want)
	}
	for _, msg := range want {
		got := new(conformancev1.Header)
		if err := suite.Read(&pipe, got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(msg, got, protocmp.Transform()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	if err := suite.Read(&pipe, new(conformancev1.Header)); err != io.EOF {
		t.Errorf("at the end: got %v, want io.EOF", err)
	}
}

func TestRead_CutOff(t *testing.T) {
	for _, in := range []string{"\x00\x00", "\x00\x00\x00\x02\x0a", "\xff\xff\xff\xff"} {
		if err := suite.Read(bytes.NewReader([]byte(in)), new(conformancev1.Header)); err == nil || err == io.EOF {
			t.Errorf("%q: got %v, want an error that tells of it", in, err)
		}
	}
}

func TestMeta_AndBack(t *testing.T) {
	meta := codec.Meta{{Key: "a", Value: "1"}, {Key: "b-bin", Value: "\x00\xff"}, {Key: "a", Value: "2"}}
	headers := suite.Headers(meta)
	want := []*conformancev1.Header{{Name: "a", Value: []string{"1", "2"}}, {Name: "b-bin", Value: []string{"AP8"}}}
	if diff := cmp.Diff(want, headers, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	headers[1].Name, headers[1].Value[0] = "B-Bin", "AP8="
	got, err := suite.Meta(headers)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(codec.Meta{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}, {Key: "b-bin", Value: "\x00\xff"}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestError_NoneForNone(t *testing.T) {
	if got := suite.Error(nil); got != nil {
		t.Errorf("got %v", got)
	}
	got := suite.Error(status.Errorf(status.NotFound, "no city"))
	want := &conformancev1.Error{Code: conformancev1.Code_CODE_NOT_FOUND, Message: new("no city")}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
