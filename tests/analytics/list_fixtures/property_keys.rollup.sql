SELECT item, seen, last_day
FROM
(
SELECT key AS item, sum(property_names.events) AS seen, max(property_names.last_day) AS last_day
FROM property_names
WHERE project_id = {project:String}
GROUP BY item
)
ORDER BY seen DESC, item
LIMIT {v0:UInt32};
