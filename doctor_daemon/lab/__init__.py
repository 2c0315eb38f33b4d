"""A simulated cloud over real HTTP on loopback, for the demo, drills, tests and benchmarks.

It imports nothing of the daemon: what it says of a signature, a token or a fence is a second
opinion. Each behaviour is there because a real service was seen to behave so; the contract that
says it is in `tests/lab/`, and the real service passes the same one (Nova 34, Keystone 30,
Cinder 29, sushy-tools 2.2).

NovaContract
    versions and microversions      test_discovery, test_microversion_headers, test_latest,
                                    test_wrong_microversions
    who may ask                     test_no_token, test_a_member_is_forbidden,
                                    test_a_token_without_a_project_is_forbidden,
                                    test_a_member_may_change_nothing
    paths and request ids           test_unknown_path, test_request_ids
    aggregates                      test_aggregates
    rows of os-services             test_service_rows_by_microversion,
                                    test_other_services_are_listed_too
    filters of os-services          test_service_filters_are_exact, test_unknown_service_filters
    PUT by UUID                     test_one_put_forces_down_and_disables, test_put_combinations,
                                    test_wrong_bodies_are_refused, test_malformed_bodies,
                                    test_wrong_service_names, test_only_nova_compute_can_be_changed
    PUT before 2.53                 test_the_older_dialect, test_the_older_dialect_refuses,
                                    test_a_number_is_as_stable_as_a_uuid,
                                    test_by_name_forced_down_first_does_not_block,
                                    test_by_name_disabled_first_blocks,
                                    test_by_name_a_member_may_change_nothing
    heartbeats and state            test_forced_down_is_down_at_once,
                                    test_heartbeats_go_on_while_forced_down,
                                    test_a_dead_service_is_down_after_service_down_time,
                                    test_an_equal_put_does_not_move_updated_at
    a host that died unnoticed      test_a_status_put_blocks_on_a_just_died_host,
                                    test_a_put_that_forces_down_does_not_block
    fields of servers               test_short_list, test_server_fields_by_microversion,
                                    test_show_one_server, test_unknown_server
    what is written on them         test_metadata_is_listed, test_extra_specs_are_listed,
                                    test_a_locked_server_is_listed,
                                    test_the_metadata_of_aggregates
    server groups                   test_server_groups, test_pages_of_server_groups,
                                    test_a_member_sees_the_groups_of_its_project_alone
    filters of servers              test_host_filter, test_the_host_filter_without_all_tenants,
                                    test_project_filter, test_status_filter,
                                    test_a_members_host_filter_is_dropped,
                                    test_wrong_server_queries,
                                    test_older_versions_overlook_wrong_queries
    what an owner sees              test_owner_sees_no_host
    pages                           test_pages, test_a_full_last_page_links_to_an_empty_one,
                                    test_an_unknown_marker_is_refused,
                                    test_a_deleted_marker_is_accepted
    changes-since                   test_changes_since_includes_deleted
    evacuate                        test_an_evacuation, test_a_stopped_server_stays_stopped,
                                    test_evacuations_that_are_refused,
                                    test_a_member_may_not_evacuate, test_wrong_evacuate_bodies,
                                    test_evacuate_bodies_by_microversion,
                                    test_nobody_is_forced_to_no_host
    what becomes of an evacuation   test_the_source_after_an_evacuation,
                                    test_failures_are_told_later,
                                    test_a_second_post_is_accepted_and_both_are_lost
    the return of a host            test_trap_7_evacuations_under_way_do_not_keep_the_flag,
                                    test_trap_8_a_refused_change_stores_nothing,
                                    test_trap_21_a_put_of_the_status_moves_updated_at_unless_equal,
                                    test_a_dead_host_whose_flag_is_lifted_may_show_up
    migrations                      test_migration_rows_filters_and_pages,
                                    test_the_migrations_of_a_deleted_server_are_gone,
                                    test_wrong_migration_queries, test_migrations_before_2_59
    servers made and deleted        test_a_server_is_booted_on_the_host_that_is_named,
                                    test_before_2_74_the_host_stands_behind_the_zone,
                                    test_boots_that_are_refused,
                                    test_a_host_that_is_disabled_takes_no_server,
                                    test_a_guest_that_cannot_start_leaves_a_server_in_error,
                                    test_a_server_is_deleted_and_then_it_is_not_there,
                                    test_a_server_of_a_dead_host_is_deleted_at_once,
                                    test_a_member_may_not_delete_what_is_anothers

LongNovaContract
    what a group lets come to pass  test_an_affinity_group_whose_host_died_finds_no_other,
                                    test_members_that_are_kept_apart_go_to_different_hosts
    a destination that dies         test_a_destination_that_dies_leaves_it_for_ever,
                                    test_a_dead_destination_reads_its_messages_when_it_returns
    one start, and the next         test_trap_9_a_source_that_returns_early_needs_two_starts,
                                    test_a_server_with_two_migrations_needs_two_starts,
                                    test_an_old_migration_destroys_a_guest_that_has_come_back,
                                    test_a_failed_evacuation_leaves_its_guest_at_the_source
    DELETE                          test_a_wrong_id_deletes_nothing,
                                    test_a_member_may_delete_nothing,
                                    test_a_host_with_servers_is_not_deleted,
                                    test_a_host_with_migrations_under_way_is_not_deleted,
                                    test_a_deleted_service_is_gone_until_it_starts_anew,
                                    test_migrations_at_either_end
    host_status                     test_host_status_order, test_host_status_of_a_dead_host,
                                    test_owner_sees_no_host_status,
                                    test_an_owner_who_may_sees_every_host_status,
                                    test_an_owner_may_see_unknown_alone

OldNovaContract
    a lower ceiling                 test_it_offers_no_more, test_more_is_not_acceptable,
                                    test_its_latest_is_its_own, test_what_is_its_own_it_does

KeystoneContract
    versions                        test_discovery
    tokens by password              test_password, test_token_times_are_utc_with_microseconds,
                                    test_member_has_no_admin_role,
                                    test_unscoped_token_has_no_roles, test_wrong_logins,
                                    test_wrong_bodies
    the catalogue                   test_catalogue, test_nocatalog
    application credentials         test_application_credential,
                                    test_wrong_application_credentials,
                                    test_application_credential_with_a_scope
    checking and revoking           test_validation, test_wrong_validations, test_revocation

RedfishContract
    root and login                  test_service_root, test_login
    systems                         test_systems, test_system, test_unknown_system,
                                    test_a_name_redirects
    errors                          test_error_body, test_wrong_methods, test_wrong_resets
    power                           test_force_off_takes_effect_later, test_off_again,
                                    test_on_again, test_restart_ends_on

CinderContract
    versions and who may ask        test_discovery, test_microversions, test_no_token,
                                    test_a_member_is_forbidden, test_request_ids,
                                    test_the_path_of_another_project_is_refused,
                                    test_unknown_words
    rows of os-services             test_rows, test_filters
    disable and enable              test_disable_log_reason,
                                    test_disable_log_reason_needs_no_reason,
                                    test_plain_enable_and_disable_change_nothing,
                                    test_wrong_bodies, test_unknown_services
    freeze and thaw                 test_freeze_disables_and_is_refused_twice,
                                    test_a_freeze_writes_over_the_reason_of_a_disabling,
                                    test_thaw_enables_what_somebody_had_disabled
    failover                        test_failover_and_back,
                                    test_failover_by_its_other_name_has_no_route,
                                    test_failover_host_takes_a_cluster_from_3_26,
                                    test_a_failover_to_nowhere_changes_nothing,
                                    test_a_failover_that_cannot_be
    log levels                      test_log_levels_are_read_and_set, test_log_levels_need_3_32

LongCinderContract
    a dead service                  test_a_freeze_of_a_dead_service_is_a_500_and_takes_effect

NeutronContract
    who may ask                     test_who_may_ask
    the extension                   test_the_extension
    rows of ports                   test_ports_of_a_host, test_ports_by_their_ids, test_fields,
                                    test_pages_of_ports,
                                    test_a_member_sees_neither_hosts_nor_ports_of_others
    what is said of them            test_what_is_said_stays_until_it_is_taken_back,
                                    test_what_cannot_be_said, test_a_port_that_is_not_there,
                                    test_a_member_may_say_nothing

IronicContract
    where it is                     test_discovery, test_a_version_that_is_not_offered
    what a node shows               test_a_node, test_an_unknown_node,
                                    test_the_flag_that_keeps_a_node_on_is_shown_from_1_95_on
    a change of power               test_wrong_targets, test_off_takes_a_while,
                                    test_off_again_is_accepted
    what it remembers               test_what_is_remembered_is_not_what_is,
                                    test_what_was_done_behind_its_back_is_undone

No real Neutron has been held against its contract yet: it was written from the API's reference and
source.

Beyond what a real service could be made to show here: services of a cell that does not answer
(Nova's source), SerialNumber and PoweringOff (DMTF's schema), revoked tokens that Nova refuses at
once (its middleware may cache them for minutes), and all faults.
"""
