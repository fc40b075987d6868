/* errors.c - what an error number of the MySQL client or server means; one table. */
#include <stddef.h>

#include "relevo/db.h"

/* Numbers, not names: the two client libraries don't define the same ones. */
static const struct {
	unsigned number;
	enum err_code code;
} meanings[] = {
	{ 1020, ERR_LOCKED },	 /* CHECKREAD: the row changed since it was read */
	{ 1021, ERR_DOWN },	 /* DISK_FULL */
	{ 1022, ERR_DUPLICATE }, /* DUP_KEY */
	{ 1026, ERR_DOWN },	 /* ERROR_ON_WRITE */
	{ 1030, ERR_DOWN },	 /* GET_ERRNO: the storage engine failed, often a full disk */
	{ 1034, ERR_DOWN },	 /* NOT_KEYFILE: broken index */
	{ 1036, ERR_DOWN },	 /* OPEN_AS_READONLY */
	{ 1037, ERR_DOWN },	 /* OUTOFMEMORY */
	{ 1038, ERR_DOWN },	 /* OUT_OF_SORTMEMORY */
	{ 1040, ERR_DOWN },	 /* CON_COUNT_ERROR: too many connections */
	{ 1041, ERR_DOWN },	 /* OUT_OF_RESOURCES */
	{ 1042, ERR_DOWN },	 /* BAD_HOST_ERROR */
	{ 1043, ERR_DOWN },	 /* HANDSHAKE_ERROR */
	{ 1044, ERR_DOWN },	 /* DBACCESS_DENIED: no operation's fault */
	{ 1045, ERR_DOWN },	 /* ACCESS_DENIED */
	{ 1046, ERR_DOWN },	 /* NO_DB */
	{ 1047, ERR_DOWN },	 /* UNKNOWN_COM: Galera node not ready (WSREP) */
	{ 1049, ERR_DOWN },	 /* BAD_DB */
	{ 1053, ERR_DOWN },	 /* SERVER_SHUTDOWN */
	{ 1062, ERR_DUPLICATE }, /* DUP_ENTRY */
	{ 1077, ERR_DOWN },	 /* NORMAL_SHUTDOWN */
	{ 1079, ERR_DOWN },	 /* SHUTDOWN_COMPLETE */
	{ 1080, ERR_DOWN },	 /* FORCING_CLOSE */
	{ 1114, ERR_DOWN },	 /* RECORD_FILE_FULL: table or disk full */
	{ 1129, ERR_DOWN },	 /* HOST_IS_BLOCKED */
	{ 1130, ERR_DOWN },	 /* HOST_NOT_PRIVILEGED */
	{ 1142, ERR_DOWN },	 /* TABLEACCESS_DENIED */
	{ 1143, ERR_DOWN },	 /* COLUMNACCESS_DENIED */
	{ 1146, ERR_DOWN },	 /* NO_SUCH_TABLE: the schema is gone, no operation's fault */
	{ 1152, ERR_DOWN },	 /* ABORTING_CONNECTION */
	{ 1153, ERR_REFUSED },	 /* NET_PACKET_TOO_LARGE: this statement's, but ends the session */
	{ 1158, ERR_DOWN },	 /* NET_READ_ERROR */
	{ 1159, ERR_DOWN },	 /* NET_READ_INTERRUPTED */
	{ 1160, ERR_DOWN },	 /* NET_ERROR_ON_WRITE */
	{ 1161, ERR_DOWN },	 /* NET_WRITE_INTERRUPTED */
	{ 1180, ERR_DOWN },	 /* ERROR_DURING_COMMIT */
	{ 1181, ERR_DOWN },	 /* ERROR_DURING_ROLLBACK */
	{ 1184, ERR_DOWN },	 /* NEW_ABORTING_CONNECTION */
	{ 1194, ERR_DOWN },	 /* CRASHED_ON_USAGE */
	{ 1195, ERR_DOWN },	 /* CRASHED_ON_REPAIR */
	{ 1203, ERR_DOWN },	 /* TOO_MANY_USER_CONNECTIONS */
	{ 1205, ERR_LOCKED },	 /* LOCK_WAIT_TIMEOUT */
	{ 1206, ERR_DOWN },	 /* LOCK_TABLE_FULL */
	{ 1213, ERR_LOCKED },	 /* LOCK_DEADLOCK, also Galera's certification */
	{ 1223, ERR_DOWN },	 /* CANT_UPDATE_WITH_READLOCK */
	{ 1226, ERR_DOWN },	 /* USER_LIMIT_REACHED */
	{ 1227, ERR_DOWN },	 /* SPECIFIC_ACCESS_DENIED */
	{ 1251, ERR_DOWN },	 /* NOT_SUPPORTED_AUTH_MODE */
	{ 1290, ERR_DOWN },	 /* OPTION_PREVENTS_STATEMENT: --read-only, --super-read-only */
	{ 1317, ERR_LOCKED },	 /* QUERY_INTERRUPTED: KILL QUERY; worth another try */
	{ 1586, ERR_DUPLICATE }, /* DUP_ENTRY_WITH_KEY_NAME */
	{ 1598, ERR_DOWN },	 /* BINLOG_LOGGING_IMPOSSIBLE */
	{ 1614, ERR_LOCKED },	 /* XA_RBDEADLOCK */
	{ 1637, ERR_DOWN },	 /* TOO_MANY_CONCURRENT_TRXS */
	{ 1698, ERR_DOWN },	 /* ACCESS_DENIED_NO_PASSWORD */
	{ 1792, ERR_DOWN },	 /* CANT_EXECUTE_IN_READ_ONLY_TRANSACTION */
	{ 1820, ERR_DOWN },	 /* MUST_CHANGE_PASSWORD */
	{ 1836, ERR_DOWN },	 /* READ_ONLY_MODE */
	{ 1859, ERR_DUPLICATE }, /* DUP_UNKNOWN_IN_INDEX */
	{ 1862, ERR_DOWN },	 /* MUST_CHANGE_PASSWORD_LOGIN */
	{ 1874, ERR_DOWN },	 /* INNODB_READ_ONLY */
	{ 1881, ERR_DOWN },	 /* INNODB_FORCED_RECOVERY */
	{ 1927, ERR_DOWN },	 /* MariaDB CONNECTION_KILLED */
	{ 1969, ERR_LOCKED },	 /* MariaDB STATEMENT_TIMEOUT */
	{ 2020, ERR_REFUSED },	 /* NET_PACKET_TOO_LARGE: nothing was sent */
	{ 3024, ERR_LOCKED },	 /* QUERY_TIMEOUT */
	{ 3032, ERR_DOWN },	 /* SERVER_OFFLINE_MODE */
	{ 3100, ERR_DOWN },	 /* RUN_HOOK_ERROR: group replication can't commit */
	{ 3101, ERR_LOCKED },	 /* TRANSACTION_ROLLBACK_DURING_COMMIT: certification */
	{ 3118, ERR_DOWN },	 /* ACCOUNT_HAS_BEEN_LOCKED */
	{ 3159, ERR_DOWN },	 /* SECURE_TRANSPORT_REQUIRED */
	{ 3168, ERR_DOWN },	 /* SERVER_ISNT_AVAILABLE */
	{ 3169, ERR_DOWN },	 /* SESSION_WAS_KILLED */
	{ 3572, ERR_LOCKED },	 /* LOCK_NOWAIT */
	{ 4031, ERR_DOWN },	 /* CLIENT_INTERACTION_TIMEOUT */
	{ 4151, ERR_DOWN },	 /* MariaDB ACCOUNT_HAS_BEEN_LOCKED */
};

/* 2000.. is both libraries' range, 5000.. that of Connector/C alone. */
static bool is_client_error(unsigned number)
{
	return (number >= 2000 && number <= 2999) || (number >= 5000 && number <= 5099);
}

enum err_code db_classify(unsigned error_number)
{
	if (error_number == 0)
		return ERR_NONE;
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].number == error_number)
			return meanings[i].code;
	}
	return is_client_error(error_number) ? ERR_DOWN : ERR_REFUSED;
}

bool db_is_cut(unsigned error_number)
{
	static const unsigned killed[] = { 1927, 3169, 4031 };

	for (size_t i = 0; i < sizeof(killed) / sizeof(killed[0]); i++) {
		if (killed[i] == error_number)
			return true;
	}
	return is_client_error(error_number);
}
