package conf

import (
	"strconv"
	"strings"
)

// foreign are keys of VoIPmonitor that have no effect here, with what becomes of what they were for. Where the calls or captures
// of somebody who relies on them would be other than expected, remedy says what to do, and a value that switches them on is worth a
// warning.
type foreign struct {
	why    string
	remedy string
	names  string // with blanks between; NAME* is all that begin so
	refuse bool   // who set it must not have it ignored: sensord does not start
}

// foreignNamed finds the entry of a key, in its canonical form.
func foreignNamed(name string) (f foreign, ok bool) {
	if i, ok := foreignNames[name]; ok {
		return foreignKeys[i], true
	}
	for n := min(len(name), longestForeign); n > 0; n-- { // the longest beginning counts
		if i, ok := foreignNames[name[:n]+"*"]; ok {
			return foreignKeys[i], true
		}
	}
	return foreign{}, false
}

// foreignNames are indexes in foreignKeys.
var foreignNames = func() map[string]int {
	m := map[string]int{}
	for i, f := range foreignKeys {
		for _, n := range strings.Fields(f.names) {
			m[n] = i
		}
	}
	return m
}()

// longestForeign is the length of the longest name in foreignNames.
var longestForeign = func() (most int) {
	for n := range foreignNames {
		most = max(most, len(n))
	}
	return most
}()

// setForeign notes what becomes of a line.
func (p *parser) setForeign(s setting, f foreign) {
	on := switchedOn(s.value)
	switch name := canonical(s.key); {
	case on && (name == "savesip" || name == "savertp" || name == "saveaudio"):
		p.c.Recording = append(p.c.Recording, s.place())
	case standardPorts[name] == s.value:
		on = false
	}
	if on && f.refuse {
		p.issue(s, Error, f.why, f.remedy)
		return
	}
	if on && f.remedy != "" {
		p.issue(s, Warning, "has no effect: "+f.why, f.remedy)
		return
	}
	p.issue(s, Info, "has no effect: "+f.why, "")
}

// switchedOn reports whether a value asks for something.
func switchedOn(v string) bool {
	var b bool
	if boolean(v, &b) == nil {
		return b
	}
	n, err := strconv.Atoi(v)
	return v != "" && (err != nil || n > 0)
}

// standardPorts are the ports on which tunnels are read.
var standardPorts = map[string]string{"udp_port_tzsp": "37008", "udp_port_l2tp": "1701", "udp_port_vxlan": "4789"}

const analysed = "the analysis always covers it"

// foreignKeys lists them. docs/configuration.md says the same in fewer words.
var foreignKeys = []foreign{
	{why: "a sensor needs no database; CDRs go to hosted", names: `
		sqldriver odbc* odbs* mysql* sqlcallend sqlcdrtable* cdr_* cdrproxy printinsertid query_cache* utc timezone time_precision_in_ms
		disable_partition_operations partition_operations_* create_old_partitions* save_query_to_files* load_query_from_files*
		cleandatabase* sip_register_active_nologbin only_cdr_next enable_lua_tables quick_save_cdr disable_dbupgradecheck database_backup_*
		server_sql_queue_limit server_sql_concat_limit server_type_compress server_cp_* autoload_from_sqlvmexport disable_cdr_fields_rtp
		disable_cdr_indexes_rtp save_sdp_ipport save_sip_responses save_sip_history save_ip_from_encaps_ipheader*
		separate_storage_ipv6_ipv4_address charts_cache* cdr_stat* skip_rtp_in_cdr`},
	{
		why: "VoIPmonitor lets what was set in its GUI overrule this file; sensord reads the file alone", remedy: "write what was set there into this file",
		names: "mysqlloadconfig",
	},
	{
		why: "numbers are not masked before they are stored here and sent to hosted", remedy: "let hosted show them masked (rights in docs/hosted.md) and remove the line, if they may be stored there",
		names: "pii_enable", refuse: true,
	},
	{why: "hosted masks numbers, by the rights of its users (docs/hosted.md)", names: "pii_*"},
	{
		why: "every call has a record", remedy: "look at the calls you want with a filter, for example status:200 (docs/rules.md)",
		names: "nocdr cdronlyanswered cdronlyrtp skipdefault cdr_ignore_response nocdr_for_last_responses",
	},
	{
		why: "caller and callee are those of From and To; a record has the number dialled, too", remedy: "keep the messages of calls whose number is elsewhere with a rule: header.P-Asserted-Identity:* (docs/rules.md)",
		names: "passertedidentity ppreferredidentity remotepartyid remoteparty_caller remoteparty_called",
	},
	{
		why:   "caller and callee are those of From and To; a record has the number dialled, too",
		names: "remotepartypriority update_dstnum_onanswer last_dest_number destination_number_mode callernum_numberonly",
	},
	{
		why: "a record holds no other headers", remedy: "keep the messages of those calls with a rule: header.NAME:* (docs/rules.md)",
		names: "custom_headers custom_headers_cdr custom_headers_message",
	},
	{why: "packets are analysed at once and never mirrored", names: `
		mirror_* packetbuffer_* max_buffer_mem vmbuffer client_server_* receive_packetbuffer_* pcap_queue_dequeu_window_length
		use_id_sensor_for_receiver_in_files receiver_check_id_sensor`},
	{
		why: "SIP is sent on as HEP", remedy: `write "hep_send = HOST:9060" (docs/hep.md)`,
		names: "sip_send",
	},
	{why: "SIP is sent on as HEP, with hep_send", names: "sip_send_udp sip_send_before_packetbuffer"},
	{
		why: "files are replayed by name", remedy: "sensord -r FOLDER, or voipmon analyze FOLDER",
		names: "scanpcapdir",
	},
	{why: "a sensor is no server; hosted is", names: `
		server_bind server_bind_port server_connect_timeout managerip managerport managerclient managerclientport
		manager_* cloud_* liveaudio livesniffer*`},
	{why: "a sensor shows hosted a certificate, which voipmon pair fetches", names: "server_password"},
	{why: "the engine sizes itself", names: `
		rtpthreads rtpthreads_start preprocess_rtp_threads process_rtp_packets_* pre_process_packets_next_thread* t2_boost*
		enable_preprocess_packet enable_process_rtp_packet threading_mod threading_expanded sched_pol_auto numa_balancing_set thread_affinity*
		new_moving_average use_dpdk dpdk_* tcmalloc_release_rate openfile_max pcap_queue_* pcap_thread heap_limit_dealloc usleep_*
		max_sip_packets_in_call max_invite_packets_in_call rtp_qring_* snaplen memory_purge_* unlimit_opened_files
		interfaces_optimize destroy_calls_in_storing_cdr destroy_calls_period audioqueue_threads_max hash_queue_length hash_modify_* auto_enable_use_blocks
		use_oneshot_buffer pcap_ifdrop_limit swap* virtualudppacket`},
	{why: "capture rules say what is kept (docs/rules.md); nothing is kept without one", names: `
		savesip savertp savertp_header savertcp savertp_video saveudptl saverfc2833 saverfc savegraph saveaudiograph pcapsplit dumpallpackets*
		saveaudio saveaudio_* ogg_quality audiocodec save_energylevels* energylevelheader skinny_save* save_sip_*
		pcap_dump_* tar tar_* maxpcapsize spooldiroldschema spooldir_* cachedir convertchar fbasenameheader convert_dlt_sll2en10
		absolute_timeout_save keep_pairid_ip_address plcdisable`},
	{
		why: "capture rules say what is kept", remedy: `write as the first rule: norecord: keep none when header.X-VoipMonitor-norecord:* (docs/rules.md)`,
		names: "norecord_header",
	},
	{
		why: "nothing stops what a capture rule keeps within a call", remedy: `let the rule keep headers, which leaves the voice out, or keep none for those calls; "mask dtmf" blanks digits (docs/rules.md)`,
		names: "norecord_dtmf pauserecordingdtmf pauserecordingheader 182queuedpauserecording null_rtppayload",
	},
	{why: "nothing stops what a capture rule keeps within a call", names: "pauserecordingdtmf_timeout"},
	{
		why: "capture rules are a file of their own", remedy: "voipmon rules import filter_telnum.csv -o local.rules (docs/rules.md)",
		names: "capture_rules_telnum_file capture_rules_sip_header_file",
	},
	{
		why: "no program is started when a call ends", remedy: "let hosted tell by webhook (docs/alerts.md), or fetch with voipmon pcap CALL_ID",
		names: "pcapcommand filtercommand curl_hook_wav",
	},
	{
		why: "signalling and voice of a call are one capture, which goes by maxpoolsize, maxpooldays and autocleanmingb", remedy: `write "maxpooldays = DAYS" and "maxpoolsize = MB"`,
		names: "maxpoolsip* maxpoolrtp* maxpoolgraph* maxpoolaudio* maxpoolsize_2 maxpooldays_2 cleanspool_size",
	},
	{
		why:   "captures go, oldest first, by maxpoolsize, maxpooldays and autocleanmingb, looked at every minute",
		names: "cleanspool cleanspool_interval cleanspool_enable_fromto autocleanspool autocleanspoolminpercent maxpool_clean_obsolete",
	},
	{why: "a call ends with its BYE; media that goes on is counted for up to a minute more", names: `
		destroy_call_at_bye destroy_call_at_bye_confirmed bye_timeout bye_confirmed_timeout ignore_rtp_after_bye_confirmed
		ignore_rtp_after_cancel_confirmed`},
	{why: "a call ends when nobody has responded to its INVITE for 32 s, as the caller's own timer does", names: "onewaytimeout"},
	{
		why: "SIP over TLS is read with the keys that the SIP server writes down, not with its certificate's", remedy: `write "tls_keylog = FILE" (docs/tls.md)`,
		names: "ssl ssl_enable ssl_ipport tls ssl_sessionkey_udp",
	},
	{why: "SIP over TLS is read with tls_keylog (docs/tls.md)", names: "ssl_*"},
	{why: "SRTP is decrypted for listening, with keys in SDP (docs/listening.md)", names: "srtp_*"},
	{
		why: "this sensor reads SIP, not that protocol", remedy: "keep VoIPmonitor for it",
		names: "skinny mgcp ss7 diameter enable_http_enum_tables http ipfix ribbonsbc audiocodes",
	},
	{why: "this sensor reads SIP, not that protocol", names: `
		skinny_* mgcp_* tcp_port_mgcp_* udp_port_mgcp_* ss7* diameter_* http_* ipfix_* ribbonsbc* udp_port_audiocodes tcp_port_audiocodes ws_calls
		enable_webrtc_table webrtcport enable_content_type_application_csta_xml`},
	{
		why: "traced SIP is taken as HEP", remedy: `write "hep = yes", and "hep_mode_on" for Kamailio's siptrace (docs/hep.md)`,
		names: "kamailio_dstip kamailio_port",
	},
	{why: "traced SIP is taken as HEP (docs/hep.md)", names: "kamailio_* hep_kamailio_protocol_id_fix hep_via_pb"},
	{
		why: "tunnels are read on their standard ports: TZSP 37008, L2TP 1701, VXLAN 4789", remedy: "send them there",
		names: "udp_port_tzsp udp_port_l2tp udp_port_vxlan",
	},
	{
		why: "the media of those addresses is analysed, too", remedy: `keep them out with filter, for example "filter = not host 192.0.2.1"`,
		names: "sdp_ignore_ip sdp_ignore_ip_port",
	},
	{
		why: "a header with an encrypted Call-ID is not understood", remedy: "let the header hold the Call-ID as it is, and name it in matchheader",
		names: "callidmerge_secret",
	},
	{why: "media is found by what the SDP announces and, behind NAT, by where it comes from", names: `
		natalias sdp_reverse_ipport sdp_multiplication sdp_check_direction_ext rtp_firstleg rtpip_find_endpoints rtpipv6_find_endpoints
		rtpfromsdp_onlysip rtp_check_both_sides_by_sdp rtpmap_* rtp_check_timestamp allow_zerossrc vlan_siprtpsame ignore_rtp_after_auth_failed
		rtp_streams_max_in_call disable_process_sdp`},
	{why: "packets that come twice are left out", names: "deduplicate* duplicate_check"},
	{why: "requests outside of calls are always followed", names: "sip_register* sip_options* sip_subscribe* sip_notify* sip_message sip_msg_compare_*"},
	{why: "MOS is made for all three jitter buffers and by codec (docs/mos.md)", names: "jitterbuffer_* mos_* ignorertcpjitter"},
	{why: "it is not measured", names: "silencedetect silencethreshold clippingdetect fasdetect ipaccount*"},
	{why: analysed, names: `
		sipoverlap dtmf2db dtmf2pcap sip_tcp sip_tcp_* udpfrag dscp progress last_sip_response detect_alone_bye
		get_reason_from_bye_cancel custom_headers_max_size custom_headers_last_value domainport faxt30detect call_sig_wait rtcp_interleaved
		packetbuffer_sniffer_time_adjust bill_by_last_rtp ipv6 icmp_process_data sipalg_detect`},
	{why: "it belongs to VoIPmonitor's GUI, its upgrade or its process", names: `
		keycheck vmcodecs_path upgrade_* git_folder configure_param new_config daemonize syslog_string verbosity scanpcapmethod pidfile fraud*
		enable_fraud check_sniffer_hang crash_bt_filename jobs_file watchdog watchdog_run_command rrd geoip* country_code_prefixes
		local_country_code curlproxy`},
}
