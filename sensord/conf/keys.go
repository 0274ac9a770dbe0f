package conf

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"voiptop/protocol/link"
	"voiptop/sensord/internal/bpf"
)

// key says what a key of the file does. A key without set is VoIPmonitor's and has no effect here; why says so.
type key struct {
	set     func(p *parser, s setting) error
	list    bool   // may be repeated
	example string // what to write
	doc     string
	why     string
}

// keys is filled by init because the setters refer to it through parser.finish.
var keys map[string]key

func keyNames() []string { return slices.Sorted(maps.Keys(keys)) }

func init() {
	keys = map[string]key{
		"id_sensor": {
			example: `write "id_sensor = 1", a number from 1 to 65535`, doc: "number of this sensor, unique in the tenant",
			set: func(p *parser, s setting) error {
				n, err := number(s.value, 1, 65535)
				p.c.SensorID = uint16(n)
				return err
			},
		},
		"sensor_name": {
			example: `write "sensor_name = pbx-1"`, doc: "name shown in hosted; the host name unless set",
			set: func(p *parser, s setting) error { p.c.Name = s.value; return nil },
		},
		"interface": {
			list: true, example: `write "interface = eth0" or "interface = eth0,eth1"`, doc: "where to capture; a comma list or several lines",
			set: func(p *parser, s setting) error {
				p.c.Interfaces = append(p.c.Interfaces, fields(s.value)...)
				return nil
			},
		},
		"promisc": {
			example: yesNo, doc: "put the interfaces into promiscuous mode",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.Promisc) },
		},
		"filter": {
			example: `write "filter = udp port 5060"`, doc: "pcap filter (docs/filter.md)",
			set: func(p *parser, s setting) error {
				p.c.Filter = s.value
				_, err := bpf.Parse(s.value)
				return err
			},
		},
		"ringbuffer": {
			example: `write "ringbuffer = 128" (MB)`, doc: "kernel ring, MB",
			set: func(p *parser, s setting) (err error) { p.c.RingBufferMB, err = number(s.value, 1, 2000); return err },
		},
		"sipport": {
			list: true, example: `write "sipport = 5060"`, doc: "ports where SIP is expected; a range 5060-5080, a list or several lines. SIP on other ports is found by content when no port is named",
			set: setSIPPorts,
		},
		"tls_keylog": {
			example: `write "tls_keylog = /run/pbx/sslkeys.log"`, doc: "a key log that the SIP server writes (SSLKEYLOGFILE) and sensord follows: SIP over TLS is read with it",
			set: func(p *parser, s setting) error { p.c.TLSKeyLog = s.value; return nil },
		},

		"hep": {
			example: yesNo, doc: "listen for HEP (Homer encapsulation protocol) of SIP servers and capture agents; docs/hep.md",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.HEP) },
		},
		"hep_bind_ip": {
			example: `write "hep_bind_ip = 192.0.2.1"`, doc: "address to listen for HEP on; all addresses unless set",
			set: func(p *parser, s setting) error {
				_, err := netip.ParseAddr(s.value)
				p.hepIP = s.value
				if err != nil {
					return fmt.Errorf("found %q, expected an IP address", clip(s.value))
				}
				return nil
			},
		},
		"hep_bind_port": {
			example: fmt.Sprintf(`write "hep_bind_port = %d"`, DefaultHEPPort), doc: "port to listen for HEP on, UDP and TCP; 9060 unless set",
			set: func(p *parser, s setting) (err error) { p.hepPort, err = number(s.value, 1, 65535); return err },
		},
		"hep_bind_udp": {
			example: yesNo, doc: "no: listen for HEP on TCP only",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.HEPUDP) },
		},
		"hep_auth_key": {
			example: `write "hep_auth_key = SECRET", the same at the agents`, doc: "HEP without this authentication key is dropped",
			set: func(p *parser, s setting) error { p.c.HEPKey = Secret(s.value); return nil },
		},
		"hep_send": {
			example: `write "hep_send = homer.example.com:9060", with tcp: or tls: before it if it is not UDP`, doc: "send SIP messages and RTCP reports as HEP3 to a Homer: host:port over UDP, tcp:host:port or tls:host:port",
			set: setHEPSend,
		},
		"hep_send_id": {
			example: `write "hep_send_id = 2001"`, doc: "capture agent id in the HEP that is sent; id_sensor unless set",
			set: func(p *parser, s setting) (err error) { p.c.HEPSendID, err = number(s.value, 1, 1<<31-1); return err },
		},
		"hep_send_key": {
			example: `write "hep_send_key = SECRET"`, doc: "authentication key in the HEP that is sent",
			set: func(p *parser, s setting) error { p.c.HEPSendKey = Secret(s.value); return nil },
		},

		"server_destination": {
			list: true, example: `write "server_destination = cloud.example.com", several with commas`, doc: "hosted's address; a comma list fails over",
			set: func(p *parser, s setting) error {
				for _, v := range fields(s.value) {
					t := s
					t.value = v
					p.servers = append(p.servers, t)
				}
				return nil
			},
		},
		"server_destination_port": {
			example: fmt.Sprintf(`write "server_destination_port = %d"`, DefaultPort), doc: "hosted's port for sensors",
			set: func(p *parser, s setting) (err error) { p.port, err = number(s.value, 1, 65535); return err },
		},
		"server_proxy": {
			example: `write "server_proxy = http://proxy.example.com:3128", with USER:PASSWORD@ before the name if it asks`, doc: "HTTP proxy that leads to hosted (CONNECT)",
			set: func(p *parser, s setting) (err error) { p.c.Proxy, err = link.ParseProxy(s.value); return err },
		},
		"server_fingerprint": {
			example: `write the 64 hexadecimal digits that "hosted sensor add" printed`, doc: "SHA-256 of hosted's CA certificate, pins the server",
			set: func(p *parser, s setting) error {
				v := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(s.value, "sha256:"), ":", ""))
				if len(v) != 64 || strings.Trim(v, "0123456789abcdef") != "" {
					return fmt.Errorf("found %q, expected 64 hexadecimal digits", clip(s.value))
				}
				p.c.Fingerprint = v
				return nil
			},
		},
		"cloud_token": {
			example: `make one with "hosted sensor add" or in the web GUI under Sensors`, doc: "single-use token that enrols this sensor; voipmon pair does the same",
			set: func(p *parser, s setting) error { p.c.Token = Secret(s.value); return nil },
		},
		"cloud_listen": {
			example: yesNo, doc: "no: calls that rules keep cannot be listened to through hosted, whoever asks; docs/listening.md",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.CloudListen) },
		},
		"cloud_download": {
			example: yesNo, doc: "no: captures cannot be downloaded through hosted, nor messages read, whoever asks; docs/listening.md",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.CloudDownload) },
		},
		"packetbuffer_sender": {
			example: yesNo, doc: "yes: send results to server_destination. Packets are never mirrored",
			set: func(p *parser, s setting) error {
				p.c.SendPacketsAt = s.line
				return boolean(s.value, &p.c.SendPackets)
			},
		},

		"state_dir": {
			example: `write "state_dir = /var/lib/sensord"`, doc: "folder of the sensor's identity and journal",
			set: func(p *parser, s setting) error { p.c.StateDir = s.value; return nil },
		},
		"api_socket": {
			example: `write "api_socket = /run/sensord/sensord.sock"`, doc: "unix socket of the sensor API, for voiptop and voipmon",
			set: func(p *parser, s setting) error { p.c.Socket = s.value; return nil },
		},
		"metrics_listen": {
			example: `write "metrics_listen = 127.0.0.1:9623"`, doc: "address where Prometheus finds the sensor's counters at /metrics; none unless set",
			set: func(p *parser, s setting) error {
				host, port, err := net.SplitHostPort(s.value)
				if err != nil {
					return fmt.Errorf("found %q, expected ADDRESS:PORT", clip(s.value))
				}
				if _, err := number(port, 1, 65535); err != nil {
					return err
				}
				p.c.MetricsListen = net.JoinHostPort(host, port)
				return nil
			},
		},
		"run_as_user": {
			example: `write "run_as_user = sensord", a user of this machine`, doc: "the user that sensord becomes when its sockets are open; it must own state_dir and spooldir (docs/install.md)",
			set: func(p *parser, s setting) error { p.c.RunAsUser = s.value; return nil },
		},
		"rules_file": {
			example: `write "rules_file = /etc/sensord.rules"`, doc: "local capture rules; state_dir/local.rules unless set",
			set: func(p *parser, s setting) error { p.c.RuleFile = s.value; return nil },
		},

		"rtptimeout": {
			example: `write "rtptimeout = 300" (seconds)`, doc: "a call without RTP for so long has ended, s",
			set: func(p *parser, s setting) error { return seconds(s.value, &p.c.RTPTimeout) },
		},
		"destroy_call_at_bye": {
			example: `write "destroy_call_at_bye = 1200" (seconds)`, doc: "an answered call without any packet for so long has ended, s",
			set: func(p *parser, s setting) error { return seconds(s.value, &p.c.ByeTimeout) },
		},
		"absolute_timeout": {
			example: `write "absolute_timeout = 14400" (seconds)`, doc: "no call lasts longer, s",
			set: func(p *parser, s setting) error { return seconds(s.value, &p.c.AbsoluteTimeout) },
		},
		"matchheader": {
			list: true, example: `write "matchheader = X-Call-ID", several with commas`, doc: "SIP headers that join the legs of a call",
			set: func(p *parser, s setting) error {
				for _, h := range fields(s.value) {
					if strings.Trim(h, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~") != "" {
						return fmt.Errorf("found %q, expected the name of a SIP header", h)
					}
					p.c.MatchHeaders = append(p.c.MatchHeaders, h)
				}
				return nil
			},
		},
		"inbanddtmf": {
			example: yesNo, doc: "look for digits (DTMF) as tones within G.711, too; it costs CPU",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.InbandDTMF) },
		},
		"inband_dtmf": {
			example: yesNo, doc: "the same as inbanddtmf",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.InbandDTMF) },
		},
		"faxdetect": {
			example: yesNo, doc: "no: do not look for the tones of faxes within G.711",
			set: func(p *parser, s setting) error { return boolean(s.value, &p.c.FaxDetect) },
		},
		"callslimit": {
			example: `write "callslimit = 100000"`, doc: "running calls held in memory; 0: the default, 100000",
			set: func(p *parser, s setting) error {
				n, err := number(s.value, 0, 10_000_000)
				if n > 0 {
					p.c.MaxCalls = n
				}
				return err
			},
		},
		"include": {
			list: true, doc: "reads other files here", example: `write "include = conf.d/*.conf"`,
			set: func(*parser, setting) error { return nil },
		},
	}
	maps.Copy(keys, spoolKeys())
	maps.Copy(keys, directKeys())
	for why, names := range foreign {
		for _, n := range strings.Fields(names) {
			keys[n] = key{why: why}
		}
	}
}

const yesNo = "write yes or no"

// setHEPSend reads [udp:|tcp:|tls:]host[:port].
func setHEPSend(p *parser, s setting) error {
	over, host, ok := strings.Cut(s.value, ":")
	port := DefaultHEPPort
	switch over = strings.ToLower(over); {
	case ok && over == "tls":
		port = DefaultHEPTLSPort
	case ok && (over == "udp" || over == "tcp"):
	default:
		over, host = "udp", s.value
	}
	a, err := serverAddress(host, port)
	if err != nil {
		return err
	}
	p.c.HEPSend, p.c.HEPSendOver = a, over
	return nil
}

func setSIPPorts(p *parser, s setting) error {
	for _, f := range fields(s.value) {
		from, to, isRange := strings.Cut(f, "-")
		a, err := number(from, 1, 65535)
		if err != nil {
			return err
		}
		b := a
		if isRange {
			if b, err = number(to, a, 65535); err != nil {
				return err
			}
		}
		for ; a <= b; a++ {
			p.c.SIPPorts = append(p.c.SIPPorts, uint16(a))
		}
	}
	return nil
}

func number(v string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || n < lo || n > hi {
		return 0, fmt.Errorf("found %q, expected a number from %d to %d", clip(v), lo, hi)
	}
	return n, nil
}

func seconds(v string, d *time.Duration) error {
	n, err := number(v, 1, 7*24*3600)
	if err == nil {
		*d = time.Duration(n) * time.Second
	}
	return err
}

func boolean(v string, b *bool) error {
	switch strings.ToLower(v) {
	case "yes", "y", "true", "on", "1":
		*b = true
	case "no", "n", "false", "off", "0":
		*b = false
	default:
		return fmt.Errorf("found %q, expected yes or no", clip(v))
	}
	return nil
}

func fields(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == ';' })
}

// foreign holds VoIPmonitor's keys that have no effect here, by the reason.
var foreign = map[string]string{
	"a sensor needs no database; CDRs go to hosted": `
		sqldriver odbcdriver odbcdsn odbsdsn odbcuser odbcpass mysqlhost mysqlport mysqlsocket mysqldb mysqltable mysqlusername
		mysqlpassword mysqlcompress mysql_connect_timeout mysqlssl_key mysqlssl_cert mysqlssl_ca_cert mysqlssl_ca_path
		mysqlssl_ciphers mysqlhost_2 mysqlport_2 mysqldb_2 mysqlusername_2 mysqlpassword_2 mysqlstore_concat_limit
		mysqlstore_max_threads_cdr mysqlstore_max_threads_message mysqlstore_max_threads_register mysqlstore_max_threads_http
		mysql_enable_multiple_rows_insert mysql_max_multiple_rows_insert mysql_enable_new_store mysql_enable_set_id
		sqlcallend sqlcdrtable_last30d sqlcdrtable_last7d sqlcdrtable_last1d cdr_partition cdr_sipport cdr_rtpport cdr_rtpsrcport
		cdr_ua_enable cdr_ua_reg_whitelist cdr_ua_reg_remove cdr_check_exists_callid cdr_check_duplicity_callid_in_next_pass_insert
		cdrproxy cdr_sip_response_number_max_length cdr_force_primary_index_in_all_tables printinsertid nocdr cdronlyanswered cdronlyrtp skipdefault
		query_cache query_cache_charts query_cache_check_utf query_cache_speed utc timezone disable_partition_operations
		partition_operations_enable_fromto create_old_partitions_from save_query_to_files save_query_to_files_directory
		load_query_from_files load_query_from_files_directory cleandatabase cleandatabase_size cleandatabase_cdr
		cleandatabase_rtp_stat cleandatabase_register_state cleandatabase_register_failed cleandatabase_sip_msg
		cleandatabase_ss7 cleandatabase_http_enum sip_register_active_nologbin only_cdr_next curlproxy enable_lua_tables
		server_sql_queue_limit server_sql_concat_limit server_type_compress server_cp_store_simple_connect_response`,
	"packets are analysed at once and never mirrored": `
		mirror_destination_ip mirror_destination_port mirror_destination mirror_bind_ip mirror_bind_port mirror_bind_dlt
		mirror_all mirror_onlysip mirror_nonblock_mode mirror_require_confirmation mirror_use_checksum
		mirror_connect_maximum_time_diff_s mirror_bind_sensor_id_by_sender packetbuffer_enable packetbuffer_total_maxheap
		packetbuffer_compress packetbuffer_compress_method packetbuffer_compress_ratio packetbuffer_file_totalmaxsize
		packetbuffer_file_path packetbuffer_block_maxsize packetbuffer_block_maxtime max_buffer_mem packetbuffer_compress_qring
		packetbuffer_quick_compress client_server_connect_maximum_time_diff_s client_server_connect_maximum_time_diff`,
	"a sensor is no server; hosted is": `
		server_bind server_bind_port server_password client_server_sleep_ms_if_queue_is_full server_connect_timeout
		managerip managerport managerclient managerclientport manager_enable_unencrypted manager_sshhost manager_sshport
		cloud_host cloud_port cloud_url cloud_activecheck_period cloud_activecheck_sql cloud_activecheck_ttl cloud_db receiver_check_id_sensor`,
	"the engine sizes itself": `
		rtpthreads rtpthreads_start preprocess_rtp_threads process_rtp_packets_hash_next_thread t2_boost t2_boost_pb_thread
		t2_boost_call_threads t2_boost_max_next_call_threads enable_preprocess_packet enable_process_rtp_packet threading_mod
		threading_expanded sched_pol_auto numa_balancing_set thread_affinity thread_affinity_ht new_moving_average
		use_dpdk dpdk_read_thread dpdk_worker_thread dpdk_cpu_affinity dpdk_pci_device dpdk_nb_rx dpdk_nb_tx dpdk_nb_mbufs
		dpdk_pkt_burst dpdk_ring_size dpdk_mempool_cache_size dpdk_memory_channels dpdk_force_max_simd_bitwidth tcmalloc_release_rate
		openfile_max pcap_queue_iface_dedup_separate_threads pcap_queue_iface_separate_threads pcap_queue_iface_extend2_separate_threads
		heap_limit_dealloc usleep_force max_sip_packets_in_call max_invite_packets_in_call rtp_qring_length rtp_qring_quick
		packetbuffer_pcap_stat_period snaplen memory_purge_interval memory_purge_if_release_gt unlimit_opened_files`,
	"capture rules say what is kept (docs/rules.md); nothing is kept without one": `
		savesip savertp savertp_header savertcp savertp_video saveudptl saverfc2833 savegraph pcapsplit pcapcommand
		norecord_header norecord_dtmf pauserecordingdtmf dumpallpackets dumpallpackets_path save_sip_history
		saveaudio saveaudio_stereo saveaudio_reversestereo saveaudio_afterconnect saveaudio_wav_mix saveaudio_filteripbysipip
		saveaudio_filter_ext saveaudio_from_first_invite saveaudio_resync_jitterbuffer_if_timeout_ms ogg_quality audiocodec
		pcap_dump_zip pcap_dump_ziplevel pcap_dump_ziplevel_sip pcap_dump_ziplevel_rtp pcap_dump_ziplevel_graph pcap_dump_zip_sip
		pcap_dump_zip_rtp pcap_dump_zip_graph pcap_dump_asyncwrite pcap_dump_bufflength pcap_dump_writethreads
		pcap_dump_writethreads_max pcap_dump_tar pcap_dump_tar_threads tar tar_maxthreads tar_compress_sip tar_compress_rtp tar_compress_graph
		spooldiroldschema spooldir_rtp spooldir_graph spooldir_audio spooldir_2 cachedir convertchar cleanspool_interval cleanspool_size
		cleanspool autocleanspool autocleanspoolminpercent maxpoolsipsize maxpoolsipdays maxpoolrtpsize maxpoolrtpdays
		maxpoolgraphsize maxpoolgraphdays maxpoolaudiosize maxpoolaudiodays maxpool_clean_obsolete maxpoolsize_2 maxpooldays_2
		absolute_timeout_save keep_pairid_ip_address spooldir_file_permission spooldir_dir_permission spooldir_owner spooldir_group
		hash_queue_length save_energylevels save_energylevels_check_seq`,
	"the analysis always covers it": `
		jitterbuffer_f1 jitterbuffer_f2 jitterbuffer_adapt mos_g729 mos_lqo mos_lqo_bin mos_lqo_ref mos_lqo_ref16 rtp_firstleg
		rtpip_find_endpoints rtpipv6_find_endpoints rtp_check_timestamp rtp_check_both_sides_by_sdp allow_zerossrc rtpmap_by_callerd
		rtpmap_combination rtpmap_indirect deduplicate deduplicate_ipheader deduplicate_ipheader_ignore_ttl deduplicate_by_sip
		deduplicate_tcp duplicate_check sipoverlap sip_register sip_register_timeout sip_register_max_registers
		sip_register_compare_sipcallerip sip_register_compare_sipcallerip_encaps sip_register_compare_sipcalledip
		sip_register_compare_to_domain sip_register_compare_vlan sip_register_deferred_save sip_register_ignore_res_401
		sip_options sip_options_save_all_sensors sip_subscribe sip_notify sip_message sip_msg_compare_ip_src save_sip_options save_sip_subscribe save_sip_notify
		dtmf2db dtmf2pcap sipwithoutrtptimeout onewaytimeout destroy_call_at_bye_confirmed destroy_calls_period
		sip_tcp sip_tcp_reassembly_ext sip_tcp_reassembly_clean_period sip_tcp_reassembly_stream_timeout sip_tcp_reassembly_stream_max_attempts
		udpfrag dscp progress last_dest_number last_sip_response destination_number_mode detect_alone_bye get_reason_from_bye_cancel
		callidmerge_header callidmerge_secret custom_headers custom_headers_cdr custom_headers_message
		custom_headers_max_size domainport natalias ipaccount ipaccountport silencedetect silencethreshold clippingdetect
		saverfc saveaudiograph fasdetect sdp_multiplication sdp_reverse_ipport sdp_ignore_ip sdp_ignore_ip_port sdp_check_direction_ext
		faxt30detect call_sig_wait ssl ssl_ipport ssl_sessionkey_udp ssl_sessionkey_udp_port ssl_sessionkey_bind ssl_sessionkey_bind_port ssl_enable
		ssl_reassembly_clean_period tls ssl_store_sessions hep_kamailio_protocol_id_fix hep_via_pb
		ignorertcpjitter rtcp_interleaved ss7 ss7port ws_calls skinny skinny_port mgcp mgcp_tcp_port mgcp_udp_port diameter diameter_udp_port diameter_tcp_port
		enable_http_enum_tables http_port http enable_webrtc_table webrtcport packetbuffer_sniffer_time_adjust disable_cdr_fields_rtp disable_cdr_indexes_rtp
		vlan_siprtpsame rtp_streams_max_in_call energylevelheader nocdr_for_last_responses bill_by_last_rtp`,
	"it belongs to VoIPmonitor's GUI or its upgrade": `
		keycheck vmcodecs_path upgrade_try_http_if_https_fail upgrade_by_git git_folder configure_param new_config daemonize
		syslog_string scanpcapdir scanpcapmethod pidfile fraud enable_fraud fraud_file ipaccount_agg_interval check_sniffer_hang crash_bt_filename
		jobs_file watchdog watchdog_run_command rrd cloud_users geoip country_code_prefixes`,
}
