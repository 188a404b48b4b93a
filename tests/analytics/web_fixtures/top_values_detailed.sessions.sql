SELECT
    grouping(value) AS is_total,
    visit.city AS value,
    uniqExact(if(known.target = 0, visit.person, known.target)) AS visitors,
    count() AS sessions,
    sum(visit.views) AS views,
    sum(visit.revenue) AS revenue,
    visit.country AS prefix
FROM sessions AS visit FINAL
GLOBAL ANY LEFT JOIN
(
    SELECT hop.person AS person, if(onward.target = 0, hop.target, onward.target) AS target
    FROM
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS hop
    GLOBAL ANY LEFT JOIN
    (
        SELECT person, argMax(person_overrides.into, version) AS target
        FROM person_overrides
        WHERE project_id = {project:String}
        GROUP BY person
    ) AS onward ON hop.target = onward.person
) AS known ON visit.person = known.person
WHERE visit.project_id = {project:String}
    AND visit.session_started_at >= fromUnixTimestamp64Milli({start:Int64}, 'UTC')
    AND visit.session_started_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
    AND visit.views + visit.events > 0
GROUP BY GROUPING SETS ((prefix, value), ())
ORDER BY is_total DESC, visitors DESC, sessions DESC, value, prefix
LIMIT {limit:UInt32};
