package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/connectformat"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/runtime"
	"google.golang.org/protobuf/proto"
)

// clients are the clients in use: cases that differ only in what they call share one, and its connections.
type clients struct {
	mu   sync.Mutex // guards below
	open map[string]*conformancev1.ConformanceServiceClient
	all  []*runtime.Client
}

// find returns the client for what req says of the connection.
func (c *clients) find(req *conformancev1.ClientCompatRequest) (*conformancev1.ConformanceServiceClient, error) {
	key, err := proto.MarshalOptions{Deterministic: true}.Marshal(&conformancev1.ClientCompatRequest{
		HttpVersion:         req.GetHttpVersion(),
		Protocol:            req.GetProtocol(),
		Codec:               req.GetCodec(),
		Compression:         req.GetCompression(),
		Host:                req.GetHost(),
		Port:                req.GetPort(),
		ServerTlsCert:       req.GetServerTlsCert(),
		ClientTlsCreds:      req.GetClientTlsCreds(),
		MessageReceiveLimit: req.GetMessageReceiveLimit(),
		UseGetHttpMethod:    req.GetUseGetHttpMethod(),
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if client := c.open[string(key)]; client != nil {
		return client, nil
	}
	conn, err := newClient(req)
	if err != nil {
		return nil, err
	}
	client := conformancev1.NewConformanceServiceClient(conn)
	c.open[string(key)] = client
	c.all = append(c.all, conn)
	return client, nil
}

func (c *clients) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := make([]error, 0, len(c.all))
	for _, conn := range c.all {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

func newClient(req *conformancev1.ClientCompatRequest) (*runtime.Client, error) {
	addr := net.JoinHostPort(req.GetHost(), strconv.FormatUint(uint64(req.GetPort()), 10))
	client := &runtime.Client{Limits: codec.Limits{MessageBytes: int(req.GetMessageReceiveLimit())}}
	switch {
	case len(req.GetServerTlsCert()) > 0: // which version of HTTP is spoken is agreed on
		client.Addrs = []string{"https://" + addr}
	case req.GetHttpVersion() == conformancev1.HTTPVersion_HTTP_VERSION_1:
		client.Addrs = []string{"http://" + addr}
	case req.GetHttpVersion() == conformancev1.HTTPVersion_HTTP_VERSION_2:
		client.Addrs = []string{"h2c://" + addr}
	default:
		return nil, fmt.Errorf("%v is not spoken", req.GetHttpVersion())
	}
	switch req.GetProtocol() {
	case conformancev1.Protocol_PROTOCOL_CONNECT:
		client.Format = connectformat.Format{Get: req.GetUseGetHttpMethod()}
	case conformancev1.Protocol_PROTOCOL_GRPC:
		client.Format = grpcformat.Format{}
	case conformancev1.Protocol_PROTOCOL_GRPC_WEB:
		client.Format = grpcformat.Web{}
	default:
		return nil, fmt.Errorf("%v is not spoken", req.GetProtocol())
	}
	switch req.GetCodec() {
	case conformancev1.Codec_CODEC_PROTO:
		client.Codec = protocodec.Codec{}
	case conformancev1.Codec_CODEC_JSON:
		client.Codec = jsoncodec.Codec{}
	default:
		return nil, fmt.Errorf("%v is not known", req.GetCodec())
	}
	var err error
	if client.Compression, err = compression(req.GetCompression()); err != nil {
		return nil, err
	}
	client.TLS, err = tlsConfig(req)
	return client, err
}

func compression(c conformancev1.Compression) (codec.Compression, error) {
	compression := codec.Compression{MinBytes: 1}
	switch c {
	case conformancev1.Compression_COMPRESSION_IDENTITY:
	case conformancev1.Compression_COMPRESSION_GZIP:
		compression.Send = "gzip"
	case conformancev1.Compression_COMPRESSION_ZSTD:
		compression.Send = "zstd"
	case conformancev1.Compression_COMPRESSION_SNAPPY:
		compression.Send = "snappy"
	default:
		return compression, fmt.Errorf("%v is not known", c)
	}
	return compression, nil
}

// tlsConfig returns nil for a connection without TLS.
func tlsConfig(req *conformancev1.ClientCompatRequest) (*tls.Config, error) {
	pem := req.GetServerTlsCert()
	if len(pem) == 0 {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("the certificate to trust the server by cannot be read")
	}
	if creds := req.GetClientTlsCreds(); creds != nil {
		cert, err := tls.X509KeyPair(creds.GetCert(), creds.GetKey())
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	return config, nil
}
