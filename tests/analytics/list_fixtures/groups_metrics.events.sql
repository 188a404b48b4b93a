SELECT
    group_id,
    sum(members) AS members,
    sum(done) AS done,
    sum(views) AS views,
    sum(sessions) AS sessions,
    sum(days) AS days,
    sum(revenue) AS revenue,
    max(first_ms) AS first_ms,
    max(last_ms) AS last_ms
FROM
(
    SELECT
        group_id, count() AS members, toUInt64(0) AS done, toUInt64(0) AS views, toUInt64(0) AS sessions,
        toUInt64(0) AS days, toInt64(0) AS revenue, toInt64(0) AS first_ms, toInt64(0) AS last_ms
    FROM
    (
SELECT
    group_id,
    person,
    if(person = 0, unseen, substring(max(names), 2)) AS profile_id,
    max(is_known) AS identified,
    max(others) AS other,
    minIf(at_first, member.events > 0) AS first_ms,
    maxIf(at_last, member.events > 0) AS last_ms,
    sum(member.events) AS done
FROM
(
    SELECT
        arrayJoin(arrayIntersect(seen.groups, {v0:Array(String)})) AS group_id,
        if(known.target = 0, seen.person, known.target) AS person,
        '' AS unseen,
        max(multiIf(
            seen.profile_id = '', '',
            seen.person = if(known.target = 0, seen.person, known.target), concat('1', seen.profile_id),
            concat('0', seen.profile_id))) AS names,
        max(seen.profile_id != '' OR known.target != 0) AS is_known,
        max(if(seen.person = if(known.target = 0, seen.person, known.target), 0, seen.person)) AS others,
        min(toUnixTimestamp64Milli(seen.created_at)) AS at_first,
        max(toUnixTimestamp64Milli(seen.created_at)) AS at_last,
        count() AS events
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
        AND seen.created_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
        AND seen.name NOT IN ('session_start', 'session_end')
        AND seen.person != 0
        AND hasAny(seen.groups, {v0:Array(String)})
    GROUP BY group_id, person
    UNION ALL
    SELECT
        assigned.group_id AS group_id,
        if(assigned.person != 0, assigned.person, met.person) AS person,
        if(person = 0, assigned.profile_id, '') AS unseen,
        concat(if(assigned.is_own OR met.is_own, '1', '0'), assigned.profile_id) AS names,
        assigned.profile_id != leftPad(lower(hex(person)), 16, '0') AS is_known,
        toUInt64(0) AS others,
        toInt64(0) AS at_first,
        toInt64(0) AS at_last,
        toUInt64(0) AS events
    FROM
    (
        SELECT
            told.profile_id AS profile_id,
            if(known.target = 0, told.person, known.target) AS person,
            told.person != 0 AND told.person = if(known.target = 0, told.person, known.target) AS is_own,
            arrayJoin(arrayIntersect(told.groups, {v0:Array(String)})) AS group_id
        FROM profiles AS told FINAL
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
        ) AS known ON told.person = known.person
        WHERE told.project_id = {project:String} AND told.deleted = 0 AND hasAny(told.groups, {v0:Array(String)})
    ) AS assigned
    GLOBAL ANY LEFT JOIN
    (
        SELECT DISTINCT
            seen.profile_id AS profile_id,
            if(known.target = 0, seen.person, known.target) AS person,
            seen.person = if(known.target = 0, seen.person, known.target) AS is_own
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
            AND seen.created_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
            AND seen.name NOT IN ('session_start', 'session_end')
            AND seen.person != 0
            AND seen.profile_id GLOBAL IN
            (
                SELECT profile_id
                FROM profiles FINAL
                WHERE project_id = {project:String} AND deleted = 0 AND hasAny(groups, {v0:Array(String)})
            )
    ) AS met ON assigned.profile_id = met.profile_id
) AS member
GROUP BY group_id, person, unseen
    )
    GROUP BY group_id
    UNION ALL
    SELECT
        arrayJoin(arrayIntersect(seen.groups, {v0:Array(String)})) AS group_id,
        toUInt64(0) AS members,
        count() AS done,
        countIf(seen.name = 'screen_view' AND seen.path != '') AS views,
        uniqExactIf(seen.session_id, seen.session_id != 0) AS sessions,
        uniqExact(toDate(seen.created_at, {v2:String})) AS days,
        sum(seen.revenue) AS revenue,
        min(toUnixTimestamp64Milli(seen.created_at)) AS first_ms,
        max(toUnixTimestamp64Milli(seen.created_at)) AS last_ms
    FROM events AS seen
    WHERE seen.project_id = {project:String}
        AND seen.created_at < fromUnixTimestamp64Milli({v1:Int64}, 'UTC')
        AND seen.name NOT IN ('session_start', 'session_end')
        AND hasAny(seen.groups, {v0:Array(String)})
    GROUP BY group_id
)
GROUP BY group_id;
