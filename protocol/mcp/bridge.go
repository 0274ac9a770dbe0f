package mcp

import (
	"context"
	"fmt"
	"net/http"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"voiptop/protocol"
)

// Bridge makes a server whose tools are those of another at a URL, which decides who may do what, masks and audits. close ends
// the connection.
func Bridge(ctx context.Context, url string, client *http.Client) (server *sdk.Server, close func() error, err error) {
	me := &sdk.Implementation{Name: "voipmon", Version: protocol.Version}
	far, err := sdk.NewClient(me, nil).Connect(ctx, &sdk.StreamableClientTransport{Endpoint: url, HTTPClient: client, DisableStandaloneSSE: true, MaxRetries: -1}, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w; check the address and the API token", url, err)
	}
	o := &sdk.ServerOptions{SupportedProtocolVersions: Versions, Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}}}
	if r := far.InitializeResult(); r != nil {
		o.Instructions = r.Instructions
	}
	server = sdk.NewServer(&sdk.Implementation{Name: "voiptop", Title: "SIP calls, their quality and their faults", Version: protocol.Version}, o)
	for t, err := range far.Tools(ctx, nil) {
		if err != nil {
			_ = far.Close()
			return nil, nil, fmt.Errorf("%s: tools: %w", url, err)
		}
		server.AddTool(t, func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			ctx, cancel := context.WithTimeout(ctx, 2*toolTime)
			defer cancel()
			res, err := far.CallTool(ctx, &sdk.CallToolParams{Name: r.Params.Name, Arguments: r.Params.Arguments})
			if err != nil {
				text := told(&protocol.Problem{Code: protocol.CodeServerUnreachable, Title: url + " does not answer", Detail: err.Error()})
				return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text}}}, nil
			}
			return res, nil
		})
	}
	return server, far.Close, nil
}
