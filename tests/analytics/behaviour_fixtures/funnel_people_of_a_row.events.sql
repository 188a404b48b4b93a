SELECT listed.person AS person, named.profile_id AS profile_id
FROM
(
SELECT DISTINCT person
FROM
(
SELECT arrayJoin(persons) AS person
FROM
(
SELECT persons, [arrayJoin(carried[1])] AS labels
FROM
(
SELECT times, arraySort(arrayFilter(each -> each.1 = times[1], carrying))[1].3 AS carried, persons
FROM
(
    SELECT arraySlice([multiIf(followed.3 > 0 AND followed.4 < 3, followed.3, followed.2 > 0 AND followed.4 < 2, followed.2, followed.1 > 0 AND followed.4 < 1, followed.1, followed.5) AS step_1, if(reached < 2, 0, toInt64(bitShiftRight(arrayFirst(instant -> bitTest(instant, 1) AND toInt64(bitShiftRight(instant, 20)) > step_1, instants), 20))) AS step_2, if(reached < 3, 0, toInt64(bitShiftRight(arrayFirst(instant -> bitTest(instant, 2) AND toInt64(bitShiftRight(instant, 20)) > step_2, instants), 20))) AS step_3], 1, multiIf(followed.3 > 0 AND followed.4 < 3, toInt64(3), followed.2 > 0 AND followed.4 < 2, toInt64(2), followed.1 > 0 AND followed.4 < 1, toInt64(1), followed.4) AS reached) AS times, carrying, persons
    FROM
    (
        SELECT if(
            length(arrayCompact(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))) = length(seen_at),
            seen_at,
            arrayMap(
                at_once -> arrayReduce('groupBitOr', at_once),
                arraySplit(
                    (instant, since) -> since != 0,
                    seen_at,
                    arrayDifference(arrayMap(instant -> bitShiftRight(instant, 20), seen_at))))) AS instants, arrayFold((so_far, instant) -> (multiIf(bitTest(instant, 0), toInt64(bitShiftRight(instant, 20)), ((bitTest(instant, 1) AND so_far.1 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.1 <= {v10:Int64}) OR bitTest(instant, 10)), toInt64(0), so_far.1), multiIf((bitTest(instant, 1) AND so_far.1 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.1 <= {v10:Int64}), so_far.1, ((bitTest(instant, 2) AND so_far.2 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.2 <= {v10:Int64}) OR bitTest(instant, 11)), toInt64(0), so_far.2), multiIf((bitTest(instant, 2) AND so_far.2 > 0 AND toInt64(bitShiftRight(instant, 20)) - so_far.2 <= {v10:Int64}), so_far.2, (0 OR bitTest(instant, 12)), toInt64(0), so_far.3), multiIf(so_far.3 > 0 AND so_far.4 < 3, toInt64(3), so_far.2 > 0 AND so_far.4 < 2, toInt64(2), so_far.1 > 0 AND so_far.4 < 1, toInt64(1), so_far.4), multiIf(so_far.3 > 0 AND so_far.4 < 3, so_far.3, so_far.2 > 0 AND so_far.4 < 2, so_far.2, so_far.1 > 0 AND so_far.4 < 1, so_far.1, so_far.5)), instants, (toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0))) AS followed, carrying, persons
        FROM
        (
            SELECT
                seen.session_id AS subject,
                arraySort(groupArray(bitOr(bitShiftLeft(toUInt64(toUnixTimestamp64Milli(seen.created_at)), 20), toUInt64((toUInt32(0)) * 1024 + toUInt32((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC'))) * 1 + toUInt32((seen.name = {v1:String} AND (seen.path IN {v2:Array(String)}))) * 2 + toUInt32((seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)}))) * 4)))) AS seen_at,
                groupArrayIf((toUnixTimestamp64Milli(seen.created_at), seen.event_id, [[CAST(seen.country, 'String')]]), seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')) AS carrying,
                groupUniqArray(if(known.target = 0, seen.person, known.target)) AS persons
            FROM events AS seen
GLOBAL ANY LEFT JOIN
(
    WITH
        (
            SELECT (groupArray(person), groupArray(next))
            FROM
            (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
            AND person GLOBAL IN
            (
                SELECT person_overrides.into FROM person_overrides WHERE project_id = {project:String}
            )
        GROUP BY person
            )
        ) AS onward,
        arrayMap(
            start -> arrayFold(
                (way, hop) -> (
                    transform(way.1, onward.1, onward.2, way.1),
                    if(hop < 32, way.1, least(way.1, way.2))),
                range(2 * 32),
                (start, start)).2,
            onward.2) AS ends
    SELECT latest.person AS person, transform(latest.next, onward.1, ends, latest.next) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS next
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS latest
    WHERE latest.person != target
) AS known ON seen.person = known.person
WHERE seen.project_id = {project:String}
    AND toDate(seen.created_at) >= {v6:Date}
    AND seen.created_at >= fromUnixTimestamp64Milli({v7:Int64}, 'UTC')
    AND toDate(seen.created_at) <= {v8:Date}
    AND seen.created_at < fromUnixTimestamp64Milli({v9:Int64}, 'UTC')
    AND ((seen.name = {v0:String} AND seen.created_at < fromUnixTimestamp64Milli({v5:Int64}, 'UTC')) OR (seen.name = {v1:String} AND (seen.path IN {v2:Array(String)})) OR (seen.name NOT IN ('session_start', 'session_end') AND (seen.properties[{v3:String}] IN {v4:Array(String)})))
    AND seen.session_id != 0
            GROUP BY subject
        )
    )
)
WHERE notEmpty(times)
)
WHERE length(times) >= {v11:UInt32}
)
WHERE labels = {v4:Array(String)}
)
WHERE person > {v12:UInt64}
ORDER BY person
LIMIT {v13:UInt32}
) AS listed
GLOBAL ANY LEFT JOIN
(
    SELECT person, max((in_session, profile_id)).2 AS profile_id
    FROM
    (
        SELECT visit.person AS person, 1 AS in_session, visit.profile_id AS profile_id
        FROM sessions AS visit
        WHERE visit.project_id = {project:String} AND visit.profile_id != ''
        UNION ALL
        SELECT told.person AS person, 0 AS in_session, told.profile_id AS profile_id
        FROM profiles AS told FINAL
        WHERE told.project_id = {project:String} AND told.person != 0
    )
    GROUP BY person
) AS named ON listed.person = named.person
ORDER BY person;
